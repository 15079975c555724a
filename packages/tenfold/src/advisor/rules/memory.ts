import type { HostEvidence, ProcessEvidence } from '../../evidence/index.ts'
import { check, percent, type Rule } from '../rule.ts'
import { without } from '../signals.ts'

const SOON_SECONDS = 24 * 3600

/** The heap or its buffers grow after each collection, and will have no room left within a day. */
export const memoryGrows: Rule = {
  code: 'memory-grows',
  version: 2,
  class: 'code',
  judge({ evidence }) {
    const process = evidence.processes
      .filter(({ heapGrowth }) => heapGrowth !== undefined && heapGrowth > 0)
      .toSorted((a, b) => b.heapGrowth! - a.heapGrowth!)[0]
    if (!process) return undefined
    const { growth, bytes, room, ofBuffers } = growing(process, evidence.hosts)
    const left = room / Math.max(1, growth)
    const inWindow = (growth * evidence.window.seconds) / Math.max(1, bytes)
    // A heap that is still warming up grows, too, but not by a fifth of itself in each window.
    if (left > SOON_SECONDS || inWindow < 0.2) return undefined
    const { slots } = evidence.traffic
    const half = Math.floor(slots.length / 2)
    const load = (part: typeof slots): number =>
      part.reduce((sum, { requests }) => sum + requests, 0) / Math.max(1, part.length)
    const rose = load(slots.slice(half)) / Math.max(1, load(slots.slice(0, half)))
    return {
      structural: true,
      subject: { kind: 'process', name: process.roles.join(', ') },
      share: 0.5,
      proofs: [
        {
          signal: 'heap growth after collections, in a second',
          value: growth,
          threshold: (bytes + room) / SOON_SECONDS,
          unit: 'bytes',
        },
        { signal: 'of the heap in this window', value: inWindow, threshold: 0.2, unit: 'share' },
      ],
      against: [
        check('the load grew as much', `${rose.toFixed(2)} times`, rose < 1.2),
        check('collections take all the time', percent(process.gc), process.gc < 0.15),
        ...(ofBuffers ? [check('a cache of buffers is being filled', 'it looks the same from outside', false)] : []),
      ],
      facts: { growth, hours: left / 3600, heap: bytes, limit: bytes + room, buffers: ofBuffers ? 1 : 0 },
      expected: { what: 'heap growth', before: process.heapGrowth!, low: 0, high: process.heapGrowth! * 0.1 },
    }
  },
}

/** What grows, how much of it there is, and how much more there may be: of the heap by its own limit, of buffers by the memory of the
 *  machine or the container. */
function growing(
  { host, heapGrowth = 0, externalGrowth = 0, heapBytes, externalBytes = 0, heapLimit }: ProcessEvidence,
  hosts: readonly HostEvidence[],
): { growth: number; bytes: number; room: number; ofBuffers: boolean } {
  const free = hosts.find(({ name }) => name === host)?.memoryFree
  if (free !== undefined && externalGrowth > heapGrowth / 2)
    return { growth: heapGrowth, bytes: heapBytes + externalBytes, room: free, ofBuffers: true }
  return {
    growth: heapGrowth - Math.max(0, externalGrowth),
    bytes: heapBytes,
    room: heapLimit - heapBytes,
    ofBuffers: false,
  }
}

const COLLECTING = 0.15
const NEAR = 0.7
/** So much of the time is lost by short-lived objects alone, however much room there is. */
const COLLECTING_ANYWAY = 0.25
/** Of the memory that is free, what the heap may have in addition; and the least that is worth a restart. */
const OF_FREE = 0.5
const MORE = 1.2

/** Garbage is collected again and again, since there is little room left for it. */
export const heapFull: Rule = {
  code: 'heap-full',
  version: 2,
  class: 'settings',
  judge({ evidence, share, felt }) {
    const process = evidence.processes.filter(({ requests }) => requests > 0).toSorted((a, b) => b.gc - a.gc)[0]
    if (!process) return undefined
    const { gc, heapBytes, heapLimit, loop, host } = process
    const used = heapBytes / Math.max(1, heapLimit)
    const threshold = used >= NEAR ? COLLECTING : COLLECTING_ANYWAY
    if (gc < threshold) return undefined
    const free = evidence.hosts.find(({ name }) => name === host)?.memoryFree ?? heapLimit
    const wanted = Math.min(heapLimit * 2, heapLimit + free * OF_FREE)
    return {
      structural: true,
      subject: { kind: 'process', name: process.roles.join(', ') },
      share: Math.min(1, (share.self + share.unseen) * Math.min(1, (gc * 1.5) / Math.max(0.01, loop))),
      proofs: [
        { signal: 'of the time in garbage collection', value: gc, threshold, unit: 'share' },
        { signal: 'of the heap in use', value: used, threshold: NEAR, unit: 'share' },
      ],
      against: [check('there is room for what is in use', percent(1 - used), used >= NEAR)],
      facts: {
        gc,
        heap: heapBytes,
        limit: heapLimit,
        near: used >= NEAR ? 1 : 0,
        wanted,
        room: wanted >= heapLimit * MORE ? 1 : 0,
      },
      expected: { what: 'p95', ...without(felt, Math.min(0.9, gc * 1.5)) },
    }
  },
}

const LEAST_ASKED = 100

/** A cache that seldom has what it is asked for. */
export const lowHitRatio: Rule = {
  code: 'low-hit-ratio',
  version: 1,
  class: 'cache',
  judge({ evidence, share, lost }) {
    const cache = evidence.caches
      .filter(({ hits, misses }) => hits + misses >= LEAST_ASKED && misses > hits)
      .toSorted((a, b) => b.misses - a.misses)[0]
    if (!cache) return undefined
    const asked = cache.hits + cache.misses
    return {
      structural: true,
      subject: { kind: 'cache', name: cache.name },
      share:
        cache.loadMs === undefined
          ? share.database * (cache.loads / Math.max(1, evidence.database?.seen.calls ?? cache.loads))
          : Math.min(1, cache.loadMs / lost),
      proofs: [
        { signal: 'answered from the cache', value: cache.hits / asked, threshold: 0.5, unit: 'share' },
        { signal: 'asked', value: asked, threshold: LEAST_ASKED, unit: 'count' },
      ],
      against: [
        check('it is just being filled', `${cache.evictions} entries had to go for lack of room`, cache.evictions > 0),
      ],
      facts: {
        cache: cache.name,
        hits: cache.hits,
        asked,
        evictions: cache.evictions,
        ...(cache.loadMs !== undefined && { loadMs: cache.loadMs / Math.max(1, cache.loads) }),
      },
      expected: {
        what: 'p95',
        before: evidence.traffic.p95,
        low: evidence.traffic.p50,
        high: evidence.traffic.p95 * 0.8,
      },
    }
  },
}
