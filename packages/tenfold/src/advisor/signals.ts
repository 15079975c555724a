/** Numbers that several rules look at, worked out once. */
import type { Evidence, QueryEvidence, QueueEvidence, Slot, Work } from '../evidence/index.ts'
import { type Spike, spikeIn } from './spike.ts'

export interface Signals {
  evidence: Evidence
  /** p95 as users feel it. */
  felt: number
  promised: number
  /** Milliseconds that requests took in all, with the wait before they were seen. */
  lost: number
  /** Shares of `lost`. */
  share: { self: number; pool: number; database: number; outgoing: number; unseen: number }
  /** Of the time that clients waited for statements, the part in which the server worked on them; undefined when unknown. */
  k: number | undefined
  /** Of the database server; undefined when its machine is not known. */
  cores: number | undefined
  /** Sessions that were working, on average. */
  working: number
  /** Of the busiest web process, 0 to 1; a loop that only waits for a processor does not count as busy. */
  loop: number
  stalled: number
  longestStall: number
  gc: number
  /** The machine has no processor left, and it is not the app that took it. */
  foreign: { full: boolean; share: number; steal: number; throttled: number }
  /** What was slow was a spike that has passed: p95 and harm are those of the time beside it. */
  spike: Spike | undefined
  harm: Harm[]
}

export type Harm = 'p95' | 'errors' | 'shed' | 'jobs'

/** Routes with less traffic are not what users mean by slow. */
const COUNTS_FROM = 0.05
const LEAST_REQUESTS = 20
/** So much more than its own processor time a loop may seem busy before it is somebody else who makes it wait. */
const OWN_CPU = 1.5

export function signalsOf(evidence: Evidence): Signals {
  const { traffic, routes, database, processes, hosts, configuration } = evidence
  const web = processes.filter(({ roles, requests }) => roles.includes('web') && requests > 0)
  const sum = (key: 'ms' | 'self' | 'pool' | 'database' | 'outgoing'): number =>
    routes.reduce((total, route) => total + route[key], 0)
  const unseen = (traffic.unseenWaitP95 / 3) * traffic.requests
  const lost = Math.max(1, sum('ms') + unseen)
  const spike = spikeIn(evidence)
  const felt = spike ? spike.otherwise : traffic.p95 + traffic.unseenWaitP95
  const { active } = database ?? {}
  const host = hosts.toSorted((a, b) => b.busy - a.busy)[0]
  const othersShare = host ? host.other / host.cores : 0
  return {
    evidence,
    felt,
    promised: configuration.promisedP95,
    lost,
    share: {
      self: sum('self') / lost,
      pool: sum('pool') / lost,
      database: sum('database') / lost,
      outgoing: sum('outgoing') / lost,
      unseen: unseen / lost,
    },
    k:
      database && evidence.coverage.statements && database.seen.client > 0
        ? Math.min(1, database.seen.server / database.seen.client)
        : undefined,
    cores: database?.cores,
    working: active ? active.cpu + active.io + active.latch + active.commit : 0,
    loop: Math.max(0, ...web.map(({ loop, cpu }) => Math.min(loop, cpu * OWN_CPU))),
    stalled: Math.max(0, ...web.map(({ stalled }) => stalled)),
    longestStall: Math.max(0, ...web.map(({ longestStall }) => longestStall)),
    gc: Math.max(0, ...web.map(({ gc }) => gc)),
    foreign: {
      full: host !== undefined && host.busy > 0.85 && othersShare > 0.4,
      share: othersShare,
      steal: Math.max(0, ...hosts.map(({ steal }) => steal)),
      throttled: Math.max(0, ...hosts.map(({ throttled }) => throttled)),
    },
    spike,
    harm: harmOf(evidence, felt, spike),
  }
}

function harmOf(
  { traffic, routes, queue, jobs, configuration }: Evidence,
  felt: number,
  spike: Spike | undefined,
): Harm[] {
  const harm: Harm[] = []
  const slow = !spike && routes.some((route) => isSlow(route, traffic.requests, configuration.promisedP95))
  if (felt > configuration.promisedP95 || slow) harm.push('p95')
  const errors = spike ? spike.errors : traffic.errors
  if (errors >= 10 && errors > traffic.requests * 0.01) harm.push('errors')
  // To turn some away is what a spike asks for.
  if (!spike && traffic.shed >= 10 && traffic.shed > traffic.requests * 0.01) harm.push('shed')
  const failing = jobs.some(({ count, errors }) => errors >= 10 && errors > count * 0.3)
  if (pilesUp(queue, traffic.slots) || failing) harm.push('jobs')
  return harm
}

export const LEAST_GREW = 20
const FEWEST_DEPTHS = 6

/** More jobs came than were done, and what waits is not becoming less. */
export function pilesUp(queue: QueueEvidence, slots: readonly Slot[]): boolean {
  const { arrived, finished, depthBefore, depthAfter } = queue
  return depthAfter - depthBefore >= LEAST_GREW && arrived >= finished * 1.1 && !drains(slots)
}

/** Many jobs that came at once, a night's work, are being worked off, and still are in the last third: at a quarter of the speed at
 *  least that they had since there were most of them. */
export function drains(slots: readonly Slot[]): boolean {
  const depths = slots.flatMap(({ depth }) => depth ?? [])
  const most = Math.max(0, ...depths)
  const now = depths.at(-1) ?? 0
  const since = depths.length - 1 - depths.lastIndexOf(most)
  if (depths.length < FEWEST_DEPTHS || since < Math.max(3, depths.length / 4) || now > most * 0.9) return false
  const lately = Math.min(since, Math.max(2, Math.floor(depths.length / 3)))
  return depths.at(-1 - lately)! - now >= ((most - now) * lately) / since / 4
}

/** Whether users of this route wait longer than promised. */
export function isSlow(route: Work, requests: number, promised: number): boolean {
  return route.count >= Math.max(LEAST_REQUESTS, requests * COUNTS_FROM) && route.p95 > promised
}

/** Range in which a p95 should lie once `share` of that time is gone, wholly or for two thirds. */
export function without(p95: number, share: number): { before: number; low: number; high: number } {
  const most = Math.min(0.97, Math.max(0, share))
  return { before: p95, low: p95 * (1 - most), high: p95 * (1 - most * 0.67) }
}

/** How long one call would take the server with a processor of its own: many quick ones at once are slow, too, and so is what others on the
 *  machine do not let run. */
export function aloneMs({ ms, calls }: QueryEvidence, { evidence, cores }: Signals): number {
  const { database, window, hosts, configuration } = evidence
  const crowd = (database?.active.cpu ?? 0) / (cores ?? 4)
  const host = configuration.databaseOnSameHost ? hosts[0] : undefined
  const atOnce = (database?.seen.server ?? 0) / Math.max(1, window.seconds * 1000)
  const held = host && host.busy > 0.85 ? atOnce / Math.max(0.05, host.postgres) : 0
  return ms / Math.max(1, calls) / Math.max(1, crowd, held)
}

/** The same statement, as the client's fingerprint and as the server's text have it. */
export function sameShape(a: string, b: string): boolean {
  return shape(a) === shape(b)
}

/** The same, where the server has shown only the beginning of a long one (it ends in `…` then): a list that was cut is no list. */
export function beginsLike(whole: string, seen: string): boolean {
  if (!seen.endsWith('…')) return sameShape(whole, seen)
  const start = shape(seen.slice(0, -1).replace(/[^\s(,]*$/, ''))
  return shape(whole).startsWith(start.replace(/\(\s*(?:\?[\s,]*)*$/, '').replace(/[\s,]+$/, ''))
}

function shape(text: string): string {
  return text
    .replaceAll(/\$\d+|\?/g, '?')
    .replaceAll(/\(\s*\?(?:\s*,\s*\?)*\s*\)|\(…\)/g, '(?)')
    .replaceAll(/(?:\(\?\))(?:\s*,\s*\(\?\))+/g, '(?)')
    .replaceAll(/\s+/g, ' ')
    .toLowerCase()
    .trim()
}
