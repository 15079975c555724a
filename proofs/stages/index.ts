/** The shop at each stage of the ladder, on real servers: its tests pass there, and what is promised when something breaks holds. */
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startMailbox } from '../../examples/shop/tests/mailbox.ts'
import { startProvider } from '../../examples/shop/payments/provider.ts'
import type { Visitor } from '../../examples/shop/tests/visitor.ts'
import type { BalancerKind } from '../../packages/tenfold/src/deploy/testing/index.ts'
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { STAGES } from '../../stages/plan.ts'
import { startStage, type Stage } from '../../stages/stage.ts'
import { count, type Counted } from './count.ts'
import { mountSmallDisk, type SmallDisk } from './disk.ts'
import { FAULTS } from './faults.ts'
import { judge, type Judged } from './judge.ts'
import { newCustomer, startLoad } from './load.ts'
import type { Suite } from '../split/suite.ts'
import { runSuiteAt } from './suite.ts'
import { FAULT_NAMES, promised, type FaultName, type Promised } from './promises.ts'

export default {
  name: 'stages',
  about:
    'at each stage of the ladder, on real servers: what breaks costs what is promised, and nothing accepted is lost',
  options: {
    stage: 'which stages: `3,4`; all of them by default, 3 and 4 with --quick',
    only: 'one of `suite` and `faults`',
    fault: `which faults: ${FAULT_NAMES.join(', ')}`,
    balancer: 'nginx (default) or haproxy',
    plant: '`forget`: an order and a charge are removed after each fault, to see that this is found',
  },
  run,
} satisfies Claims

const SHOP = fileURLToPath(new URL('../../examples/shop', import.meta.url))
const CUSTOMERS = 6
/** How long something is broken. */
const BROKEN_MS = 3000
/** After everything is back, so many requests of each kind in a row have to be answered. */
const CALM = 5
const QUICK: readonly FaultName[] = ['instance-killed', 'pgbouncer-restarted', 'replica-cut-off']

/** A fault that does not reach anybody proves nothing. */
const FELT: readonly FaultName[] = ['primary-killed', 'network-split', 'disk-full']

interface Outcome extends Judged {
  stage: number
  promise: Promised
  counted: Counted
  unseen: number
  /** Processes that ended though nobody had killed them. */
  ended: string[]
}

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const stages = set.stage?.split(',').map(Number) ?? (quick ? [3, 4] : STAGES.map(({ stage }) => stage))
  const faults = (set.fault?.split(',') as FaultName[] | undefined) ?? (quick ? QUICK : FAULT_NAMES)
  for (const fault of faults) if (!FAULT_NAMES.includes(fault)) throw new Error(`there is no fault '${fault}'`)
  const wants = (part: string): boolean => (set.only ?? (set.fault ? 'faults' : part)) === part
  const suites: Claim[] = []
  for (const stage of wants('suite') ? stages : []) {
    signal.throwIfAborted()
    suites.push(suiteClaim(stage, await runSuiteAt(stage, quick, log, signal), log))
  }
  const outcomes: Outcome[] = []
  for (const stage of wants('faults') ? stages : []) {
    const wanted = faults.flatMap((fault) => promised(fault, stage) ?? [])
    if (wanted.length === 0) continue
    signal.throwIfAborted()
    outcomes.push(...(await breakStage(stage, wanted, { set, log, signal })))
  }
  const { claims, rows } = outcomes.length > 0 || suites.length === 0 ? report(outcomes) : { claims: [], rows: [] }
  return { claims: [...suites, ...claims], rows }
}

function suiteClaim(stage: number, { passed, failed }: Suite, log: (line: string) => void): Claim {
  for (const failure of failed) log(`  failed: ${failure}`)
  const all = passed + failed.length
  return {
    claim: `the shop's own tests at stage ${stage}`,
    goal: 'all pass',
    value: `${passed} of ${all} pass`,
    holds: all > 0 && failed.length === 0,
  }
}

async function breakStage(
  number: number,
  promises: readonly Promised[],
  { set, log, signal }: Pick<ClaimsOptions, 'set' | 'log' | 'signal'>,
): Promise<Outcome[]> {
  const stops: (() => Promise<unknown> | void)[] = []
  try {
    const disk = promises.some(({ fault }) => fault === 'disk-full') ? mountSmallDisk(log) : undefined
    if (disk) stops.push(() => disk.unmount())
    const provider = await startProvider({ file: ':memory:', latencyMs: [1, 5] })
    stops.push(() => provider.close())
    const mailbox = await startMailbox()
    stops.push(() => mailbox.close())
    const stage = await startStage({
      stage: number,
      folder: SHOP,
      balancer: (set.balancer as BalancerKind | undefined) ?? 'nginx',
      service: { module: 'billing' },
      ...(disk && { databaseFolder: disk.folder }),
      variables: {
        PAYMENTS_URL: provider.url,
        PAYMENTS_TIMEOUT_MS: '1000',
        SMTP_URL: mailbox.url,
        ALLOW_PRIVATE_WEBHOOKS: '1',
      },
    })
    stops.push(() => stage.stop())
    const product = await addProduct(stage.databaseUrl)
    const customers: Visitor[] = []
    for (let i = 0; i < CUSTOMERS; i++) customers.push(await newCustomer(stage.url))
    const outcomes: Outcome[] = []
    const accepted = new Set<string>()
    for (const promise of promises) {
      signal.throwIfAborted()
      if (promise.fault === 'disk-full' && !disk) continue
      log(`stage ${number}: ${promise.what}`)
      const { pictured, ...judged } = await strike(stage, promise, disk, { customers, product, accepted }, log)
      if (set.plant === 'forget') await forget(stage.databaseUrl)
      const counted = await count({
        databaseUrl: stage.databaseUrl,
        accepted,
        // What waited on a Redis that was emptied is gone, as promised.
        pictured: promise.fault === 'redis-flushed' ? new Set() : pictured,
        provider,
        mailbox,
        patienceMs: set.plant ? 5000 : 120_000,
      })
      const outcome = { stage: number, promise, counted, ...judged }
      outcomes.push(outcome)
      log(`  ${JSON.stringify(rowOf(outcome))}`)
      if (lostOf(counted) !== 'nothing')
        for (const one of stage.processes) log(`  ${one.name}: ${complaints(one.printed())}`)
    }
    return outcomes
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

interface Shoppers {
  customers: readonly Visitor[]
  product: string
  /** Filled. */
  accepted: Set<string>
}

async function strike(
  stage: Stage,
  promise: Promised,
  disk: SmallDisk | undefined,
  { customers, product, accepted }: Shoppers,
  log: (line: string) => void,
) {
  const load = startLoad({ url: stage.url, customers, product })
  const fault = FAULTS[promise.fault]
  try {
    await until(() => calm(load.asked, 0), 'orders are placed')
    const struckAt = load.now()
    await fault.strike(stage, disk)
    await pause(BROKEN_MS)
    await fault.mend(stage, disk)
    const mendedAt = load.now()
    await until(() => calm(load.asked, mendedAt), `all is well again after: ${promise.what}`)
    const judged = judge(load.asked, promise, struckAt, mendedAt)
    const ended = stage.processes.filter(({ running }) => !running)
    for (const one of ended) {
      log(`  ${one.name} has ended:\n${one.printed().slice(-1500)}`)
      await one.start() // as systemd would
    }
    return { ...judged, pictured: load.pictured, unseen: load.unseen.length, ended: ended.map(({ name }) => name) }
  } catch (error) {
    const said = stage.processes.map((one) => `${one.name}: ${one.printed().slice(-1500)}`)
    throw new Error(`${String(error)}\n${said.join('\n')}`, { cause: error })
  } finally {
    await load.stop()
    for (const id of load.accepted) accepted.add(id)
  }
}

/** Of what began after `since`, the last ones of each kind were answered. */
function calm(asked: ReturnType<typeof startLoad>['asked'], since: number): boolean {
  return (['reads', 'writes', 'files'] as const).every((kind) => {
    const wanted = kind === 'reads' ? CALM * 2 : kind === 'writes' ? CALM : 1
    const last = asked.filter((one) => one.kind === kind && one.from >= since).slice(-wanted)
    return last.length === wanted && last.every(({ failed }) => failed === undefined)
  })
}

async function addProduct(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query<{ id: string }>(
    `insert into catalog.products (sku, name, description, category, price, stock)
     values ('STAGE', 'Blue mug', 'Holds coffee.', 'Kitchen', 1250, 1000000) returning id::text`,
  )
  await client.end()
  return rows[0]!.id
}

/** A planted fault: the oldest order is gone, as if it had never been committed. */
async function forget(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('delete from orders.orders where id = (select min(id::text)::uuid from orders.orders)')
  await client.end()
}

function report(outcomes: readonly Outcome[]): Report {
  const each = (of: (outcome: Outcome) => number): number => outcomes.reduce((sum, one) => sum + of(one), 0)
  const total = (of: (counted: Counted) => number): number => each(({ counted }) => of(counted))
  /** What must not be, at all. */
  const none: Record<string, number> = {
    'faults that nobody felt, though they had to': each((one) => (unfelt(one) ? 1 : 0)),
    'accepted orders lost': total(({ lost }) => lost),
    'orders never decided': total(({ undecided }) => undecided),
    'orders charged twice, or not': total(({ chargedTwice, uncharged }) => chargedTwice + uncharged),
    'receipts never mailed': total(({ withoutReceipt }) => withoutReceipt),
    'jobs that never ran': total(({ jobsLeft, jobsDead }) => jobsLeft + jobsDead),
    'pictures lost': total(({ picturesMissing }) => picturesMissing),
    'processes that ended by themselves': each(({ ended }) => ended.length),
    'own orders not seen at once': each(({ unseen }) => unseen),
  }
  const broken = outcomes.filter(({ breaches }) => breaches.length > 0)
  const claims: Claim[] = [
    {
      claim: 'faults that cost no more than is promised',
      goal: `${outcomes.length} of ${outcomes.length}`,
      value: `${outcomes.length - broken.length} of ${outcomes.length}`,
      holds: outcomes.length > 0 && broken.length === 0,
    },
    ...broken.map(({ stage, promise, breaches }) => ({
      claim: `stage ${stage}, ${promise.fault}`,
      goal: 'as promised',
      value: breaches.join('; '),
      holds: false,
    })),
    {
      claim: 'orders counted',
      goal: 'at least 10 for each fault',
      value: outcomes.at(-1)?.counted.orders ?? 0,
      holds: outcomes.every(({ counted }) => counted.orders >= 10),
    },
    ...Object.entries(none).map(([claim, value]) => ({ claim, goal: 0, value, holds: value === 0 })),
  ]
  return { claims, rows: outcomes.map(rowOf) }
}

function unfelt({ promise, failed }: Outcome): boolean {
  return FELT.includes(promise.fault) && failed.reads + failed.writes + failed.files === 0
}

function rowOf({ stage, promise, counted, failed, seconds, slowestS, why }: Outcome): Row {
  return {
    stage,
    fault: promise.fault,
    'reads failed': failed.reads,
    'writes failed': failed.writes,
    'files failed': failed.files,
    'failing for s': seconds.failing,
    'after it was back s': seconds.afterMend,
    'slowest answer s': slowestS,
    orders: counted.orders,
    lost: lostOf(counted),
    with: why,
  }
}

/** The last lines of a log that are more than information. */
function complaints(printed: string): string {
  const lines = printed.split('\n').filter((line) => /"level":"(warn|error|fatal)"/.test(line))
  return lines.slice(-6).join('\n    ') || 'said nothing'
}

function lostOf({ orders: _, ...counted }: Counted): string {
  const there = Object.entries(counted).filter(([, n]) => n > 0)
  return there.map(([what, n]) => `${n} ${what}`).join(', ') || 'nothing'
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 120_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`after two minutes still not: ${what}`)
    await pause(50)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
