/** Dangerous migrations are stopped, each with its safe way; safe ones pass; and while one is applied nobody waits. */
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { killBackfills } from './backfills.ts'
import { DANGEROUS } from './dangerous.ts'
import { judgeDangerous, judgeSafe, type Judged } from './judge.ts'
import { SAFE } from './safe.ts'
import { measureStall } from './stall.ts'

export default {
  name: 'migrations',
  about: 'migrations that would harm the running app are refused with the safe way, and readers never stall',
  options: { only: 'suite: judges the migrations; run: applies some under load' },
  run,
} satisfies Claims

async function run({ quick, set, log }: ClaimsOptions): Promise<Report> {
  const claims: Claim[] = []
  const rows: Row[] = []
  if (set.only !== 'run') {
    log(`${DANGEROUS.length} dangerous migrations, ${SAFE.length} safe ones`)
    // The short form tries on a scratch server what only that can find, and some of the rest.
    const dangerous = await judgeDangerous(DANGEROUS, { replay: (one) => !quick || one.code.startsWith('replay/') })
    const safe = await judgeSafe(SAFE, { replay: (_, i) => !quick || i % 6 === 0 })
    claims.push(all('dangerous migrations stopped, each with its line and its safe way', dangerous))
    claims.push(all('safe migrations that pass', safe))
    if (!quick) claims.push(speed([...dangerous, ...safe]))
    const row =
      (kind: string) =>
      (one: Judged): Row => ({ kind, what: one.what, holds: one.held, result: short(one.result) })
    rows.push(...dangerous.map(row('dangerous')), ...safe.map(row('safe')))
  }
  if (set.only !== 'suite') {
    log('readers under load, with a transaction in the way')
    const blockMs = quick ? 1500 : 3000
    const ours = await measureStall({ lockTimeoutMs: 100, blockMs })
    claims.push({
      claim: `longest stall of a reader while ALTER TABLE waits for a transaction of ${blockMs / 1000} s`,
      goal: 'at most 150 ms',
      value: `${Math.round(ours.worstMs)} ms in ${ours.reads} reads`,
      holds: ours.worstMs <= 150 && ours.failed === 0 && ours.tookMs >= blockMs * 0.9,
    })
    const naive = await measureStall({ lockTimeoutMs: 60_000, blockMs })
    claims.push({
      claim: 'the same without giving way (else the measurement shows nothing)',
      goal: `at least ${blockMs * 0.8} ms`,
      value: `${Math.round(naive.worstMs)} ms`,
      holds: naive.worstMs >= blockMs * 0.8,
    })
    log('backfills whose connection is killed')
    const filled = await killBackfills(quick ? { rows: 5000, kills: 2 } : { rows: 200_000, kills: 20 })
    claims.push({
      claim: `rows changed exactly once by a backfill that was killed ${filled.kills} times`,
      goal: `${filled.rows}`,
      value: filled.once,
      holds: filled.once === filled.rows && filled.kills > 0,
    })
    claims.push({
      claim: 'longest wait of somebody who writes single rows meanwhile',
      goal: 'at most 500 ms',
      value: `${Math.round(filled.worstMs)} ms, ${filled.batches} batches in ${Math.round(filled.ms)} ms`,
      holds: filled.worstMs <= 500,
    })
  }
  return { claims, rows }
}

function all(claim: string, of: readonly Judged[]): Claim {
  const held = of.filter((one) => one.held).length
  return { claim, goal: `all ${of.length}, at least 30`, value: held, holds: of.length >= 30 && held === of.length }
}

function speed(of: readonly Judged[]): Claim {
  const times = of.map(({ ms }) => ms).sort((a, b) => a - b)
  const median = times[Math.floor(times.length / 2)]!
  return {
    claim: 'median time of a check, all gates',
    goal: 'at most 2000 ms',
    value: `${Math.round(median)} ms`,
    holds: median <= 2000,
  }
}

function short(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 110 ? `${line.slice(0, 109)}…` : line
}
