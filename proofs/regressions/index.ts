import { setImmediate as breathe } from 'node:timers/promises'
import { findShifts } from '../../packages/tenfold/src/evidence/index.ts'
import type { Claim, Claims, Row } from '../../scripts/claims/index.ts'
import { generator, traffic, until, type Planted } from './traffic.ts'

const HOUR = 3_600_000
/** Before it there is too little past to judge by, in life as here. */
const FROM = 8 * 24

/** Thirty days of steady traffic must raise no alarm; steps that a release brings must. */
const proof: Claims = {
  name: 'regressions',
  about:
    'thirty days of traffic with its daily and weekly rhythm: no false alarm; a release that makes something slower is named',
  options: {
    seeds: 'how many different months (default 3)',
    names: 'routes, queries and jobs in each (default 30)',
    every: 'hours between two looks (default 1)',
  },
  async run({ set, quick, log, signal }) {
    const seeds = Number(set['seeds'] ?? (quick ? 1 : 3))
    const names = Number(set['names'] ?? (quick ? 12 : 30))
    const every = Number(set['every'] ?? (quick ? 6 : 1))
    const rows: Row[] = []
    const quiet: number[] = []
    for (let seed = 1; seed <= seeds; seed++) {
      const alarms = await steadyMonth(seed, names, every, signal)
      quiet.push(alarms.length)
      log(`month ${seed}: ${alarms.length} false alarms ${alarms.join(', ')}`)
      rows.push({ month: seed, what: 'steady', series: names, 'false alarms': alarms.length })
    }
    const steps: Outcome[] = []
    for (const ratio of [1.3, 1.5, 2, 4]) {
      const own = await slowerReleases(ratio, quick ? 6 : 20, signal)
      steps.push(...own)
      rows.push({
        what: `slower by ${ratio}`,
        series: own.length,
        found: own.filter(({ after }) => after !== undefined).length,
        'change named': own.filter(({ named }) => named).length,
        'hours until': median(own.flatMap(({ after }) => (after === undefined ? [] : [after]))),
      })
    }
    return { claims: claimsOf(quiet, steps), rows }
  },
}

export default proof

/** Looks every hour, as an alert would; the same slowdown is told once. */
async function steadyMonth(seed: number, names: number, every: number, signal: AbortSignal): Promise<string[]> {
  const hours = 30 * 24
  const month = traffic(seed, hours, names)
  const told = new Set<string>()
  for (let hour = FROM; hour <= hours; hour += every) {
    signal.throwIfAborted()
    for (const { name, at } of findShifts(until(month, hour), [])) {
      const day = Math.floor((at - month.start) / HOUR / 24)
      if (!told.has(`${name} ${day - 1}`)) told.add(`${name} ${day}`)
    }
    if (hour % 24 === 0) await breathe()
  }
  return [...told]
}

interface Outcome {
  ratio: number
  /** Hours until it was noticed; undefined when it was not. */
  after: number | undefined
  named: boolean
}

/** A release each day at noon, with a migration before it; one of them makes one series slower. */
async function slowerReleases(ratio: number, times: number, signal: AbortSignal): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (let i = 0; i < times; i++) {
    signal.throwIfAborted()
    const random = generator(1000 + i)
    const day = 15 + Math.floor(random() * 10)
    const hour = day * 24 + 12
    const planted: Planted[] = [{ series: 0, hour, ratio }]
    const month = traffic(500 + i, 30 * 24, 1, planted)
    const changes = Array.from({ length: 30 }, (_, n) => {
      const at = month.start + (n * 24 + 12) * HOUR
      return [
        { what: 'release' as const, name: `1.${n}.0`, at: at - 600_000 },
        { what: 'migration' as const, name: `orders/${n}`, at: at - 900_000 },
      ]
    }).flat()
    outcomes.push(noticed(ratio, hour))
    await breathe()

    function noticed(by: number, since: number): Outcome {
      for (let after = 1; after <= 36; after++) {
        const [found] = findShifts(until(month, since + after), changes)
        if (!found) continue
        const names = found.with.map(({ name }) => name)
        return { ratio: by, after, named: names.includes(`1.${day}.0`) && names.includes(`orders/${day}`) }
      }
      return { ratio: by, after: undefined, named: false }
    }
  }
  return outcomes
}

function claimsOf(quiet: readonly number[], steps: readonly Outcome[]): Claim[] {
  const worst = Math.max(...quiet)
  const large = steps.filter(({ ratio }) => ratio >= 1.5)
  const found = large.filter(({ after }) => after !== undefined)
  const named = found.filter(({ named: right }) => right)
  const soon = median(found.map(({ after }) => after!))
  const percent = (part: number, whole: number): number => Math.round((100 * part) / Math.max(1, whole))
  return [
    {
      claim: 'false alarms in 30 days of steady traffic, in the worst month',
      goal: 'at most 1',
      value: worst,
      holds: worst <= 1,
    },
    {
      claim: 'of what became half as slow again and more, noticed, in %',
      goal: 'at least 90',
      value: percent(found.length, large.length),
      holds: percent(found.length, large.length) >= 90,
    },
    {
      claim: 'of these, with the release and the migration that did it, in %',
      goal: 'at least 90',
      value: percent(named.length, found.length),
      holds: percent(named.length, found.length) >= 90,
    },
    { claim: 'hours until it is noticed, median', goal: 'at most 6', value: soon, holds: soon <= 6 },
  ]
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Infinity
}
