/** What instances do outside that is done too often, or not at all, when there are several. */
import { type Effect, type Place, placeName, type Said } from './evidence.ts'
import { asked, shortPath } from './diagnose.ts'
import { type Evidence, type Finding, finding, placeOfEffect } from './findings.ts'
import { onceEffects, type Run } from './fleet.ts'

/** The same tick of the same timer, done by two instances, in each of the runs. */
export function duplicateTicks(alone: readonly Run[], together: readonly Run[]): Finding | undefined {
  const before = Math.max(0, ...alone.map((run) => most(tickCounts(run))))
  const perRun = together.map((run) => new Map(twice(run).map((one) => [one.name, one])))
  const [first, ...others] = perRun
  const confirmed = [...(first?.values() ?? [])].filter(({ name }) => others.every((run) => run.has(name)))
  if (confirmed.length === 0 || before === 0) return undefined
  return finding(
    'duplicate-cron',
    [],
    confirmed.map(({ what, at, instances }) => ({
      kind: 'effect',
      what,
      alone: 1,
      together: instances,
      ...(at && { at }),
    })),
  )
}

interface Tick {
  name: string
  what: string
  at: Place | undefined
  instances: number
}

function twice(run: Run): Tick[] {
  const doers = new Map<string, Tick & { who: Set<string> }>()
  for (const { name: instance, said } of run.seen) {
    for (const effect of onceEffects(said)) {
      if (effect.tick === undefined) continue
      const at = placeOfEffect(effect)
      const where = `${at?.file}:${at?.line} ${effect.what}`
      const known = doers.get(`${where} ${effect.tick}`) ?? {
        name: where,
        what: effect.what,
        at,
        instances: 0,
        who: new Set<string>(),
      }
      known.who.add(instance)
      known.instances = known.who.size
      doers.set(`${where} ${effect.tick}`, known)
    }
  }
  return [...doers.values()].filter(({ instances }) => instances > 1)
}

function tickCounts(run: Run): Map<string, number> {
  return count(run, (effect) => effect.tick !== undefined)
}

/** Things that one instance does so many times, and several do more often. What a timer does by the hour was looked at before. */
export function duplicateWork(
  alone: readonly Run[],
  together: readonly Run[],
  known: Finding | undefined,
): Finding | undefined {
  const isKnown = (effect: Effect): boolean => {
    const at = placeOfEffect(effect)
    return known?.places.some((one) => one.file === at?.file && one.line === at.line) ?? false
  }
  // What is done by packages on their own account (pools, heartbeats) is up to them.
  const relevant = (effect: Effect): boolean =>
    effect.tick === undefined && placeOfEffect(effect) !== undefined && !isKnown(effect)
  const before = alone.map((run) => count(run, relevant))
  const after = together.map((run) => count(run, relevant))
  const evidence: Evidence[] = []
  for (const [what, times] of before[0] ?? []) {
    const steady = before.every((run) => run.get(what) === times)
    const least = Math.min(...after.map((run) => run.get(what) ?? 0))
    if (!steady || least <= times) continue
    const at = firstPlace(together, what)
    evidence.push({ kind: 'effect', what, alone: times, together: least, ...(at && { at }) })
  }
  return evidence.length > 0 ? finding('duplicate-work', [], evidence) : undefined
}

function count(run: Run, wanted: (effect: Effect) => boolean): Map<string, number> {
  const counts = new Map<string, number>()
  for (const effect of run.seen.flatMap(({ said }) => onceEffects(said))) {
    if (wanted(effect)) counts.set(effect.what, (counts.get(effect.what) ?? 0) + 1)
  }
  return counts
}

function most(counts: Map<string, number>): number {
  return Math.max(0, ...counts.values())
}

function firstPlace(runs: readonly Run[], what: string): Place | undefined {
  const effects = runs.flatMap(({ seen }) => seen.flatMap(({ said }) => onceEffects(said)))
  return effects
    .filter((one) => one.what === what)
    .map(placeOfEffect)
    .find((one) => one !== undefined)
}

/** Steps after whose answer the app's own code goes on doing things outside, in the process that gave it. */
export function stepsWithWorkAfter(runs: readonly Run[]): Map<number, Evidence> {
  const steps = new Map<number, Evidence>()
  for (const run of runs) {
    const timers = timersWithEffects(run)
    for (const one of run.seen.flatMap(({ said }) => said)) {
      const found = workAfter(one, timers)
      if (found && !steps.has(found.step)) steps.set(found.step, found.evidence)
    }
  }
  return steps
}

function workAfter(one: Said, timers: ReadonlySet<string>): { step: number; evidence: Evidence } | undefined {
  const isTimer = one.kind === 'deferred' && one.at !== undefined && timers.has(placeName(one.at))
  const isLate = one.kind === 'effect' && isWorkLate(one.effect)
  if (!isTimer && !isLate) return undefined
  const { during, at } = one.kind === 'effect' ? one.effect : one
  if (during?.step === undefined) return undefined
  const ms = one.kind === 'deferred' ? one.ms : 0
  return { step: during.step, evidence: { kind: 'deferred', ms, request: asked(during), ...(at && { at }) } }
}

/** A cache that is refreshed after the answer only reads. */
function isWorkLate({ late, what, ...effect }: Effect): boolean {
  return late === true && !READS.test(what) && placeOfEffect({ what, ...effect }) !== undefined
}

const READS =
  /^(GET|HEAD|OPTIONS) |^redis ([HM]?GET|HGETALL|HMGET|LRANGE|LLEN|SMEMBERS|SISMEMBER|ZRANGE|EXISTS|TTL|P?SUBSCRIBE|PING|INFO|HELLO|AUTH|SELECT|CLIENT|SCAN|KEYS)\b|^sql (select|prepare|begin|commit|rollback|set|show|start)\b/

function timersWithEffects(run: Run): Set<string> {
  const effects = run.seen.flatMap(({ said }) => said.flatMap((one) => (one.kind === 'effect' ? one.effect : [])))
  return new Set(effects.flatMap(({ timer, what }) => (timer && !READS.test(what) ? placeName(timer) : [])))
}

/** What was done alone, after the answer, and is missing when the process was killed then. */
export function missing(alone: Run, killed: Run): string[] {
  const deferred = new Set(
    alone.seen.flatMap(({ said }) =>
      said.flatMap((one) => (one.kind === 'deferred' && one.at ? placeName(one.at) : [])),
    ),
  )
  const late = ({ timer, ...effect }: Effect): boolean =>
    isWorkLate(effect) || (timer !== undefined && deferred.has(placeName(timer)) && !READS.test(effect.what))
  const done = countAll(killed, () => true)
  return [...countAll(alone, late)].filter(([what, times]) => (done.get(what) ?? 0) < times).map(([what]) => what)
}

/** All effects, also those that may be repeated. */
function countAll(run: Run, wanted: (effect: Effect) => boolean): Map<string, number> {
  const counts = new Map<string, number>()
  for (const one of run.seen.flatMap(({ said }) => said)) {
    if (one.kind === 'effect' && wanted(one.effect)) counts.set(one.effect.what, (counts.get(one.effect.what) ?? 0) + 1)
  }
  return counts
}

/** Files outside of all disks that one instance wrote and another one read. */
export function filesShared(runs: readonly Run[]): Finding | undefined {
  const evidence: Evidence[] = []
  for (const { seen } of runs) {
    const outside = (path: string): boolean =>
      !/^\/(dev|proc|sys)\//.test(path) && !seen.some(({ disk }) => shortPath(path, disk) !== path)
    for (const { name, said } of seen) {
      for (const one of said) {
        if (one.kind !== 'file' || one.op !== 'write' || !outside(one.path)) continue
        const readElsewhere = seen.some(
          (other) =>
            other.name !== name &&
            other.said.some((two) => two.kind === 'file' && two.op === 'read' && two.path === one.path && two.during),
        )
        if (!readElsewhere) continue
        const request = one.during && asked(one.during)
        evidence.push({ kind: 'file', path: one.path, ...(one.at && { at: one.at }), ...(request && { request }) })
      }
    }
  }
  const distinct = [...new Map(evidence.map((one) => [JSON.stringify(one), one])).values()]
  return distinct.length > 0 ? finding('local-files', [], distinct) : undefined
}

/** What an instance that is to answer requests only does by itself. */
export function workOfTheWrongRole(run: Run, serving: string): Finding | undefined {
  const own = run.seen.find(({ name }) => name === serving)
  const effects = onceEffects(own?.said ?? []).filter(({ during }) => !during)
  const counts = new Map<string, { times: number; at: Place | undefined }>()
  for (const effect of effects) {
    const known = counts.get(effect.what) ?? { times: 0, at: placeOfEffect(effect) }
    counts.set(effect.what, { ...known, times: known.times + 1 })
  }
  if (counts.size === 0) return undefined
  return finding(
    'role-ignored',
    [],
    [...counts].map(([what, { times, at }]) => ({
      kind: 'effect',
      what,
      alone: 0,
      together: times,
      ...(at && { at }),
    })),
  )
}
