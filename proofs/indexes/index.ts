/** Every planted gap gets the index that closes it, nothing else is proposed, and building them gives what was claimed. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { adviseIndexes, type Advice } from '../../packages/tenfold/src/database/advice/index.ts'
import { migrate } from '../../packages/tenfold/src/database/index.ts'
import { createDatabase, dropDatabase, startTestServer } from '../../packages/tenfold/src/database/testing/index.ts'
import { randomHex } from '../../packages/tenfold/src/kernel/index.ts'
import type { Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { fill, MODULE, QUERIES, TABLES, type Planted } from './planted.ts'

export default {
  name: 'indexes',
  about: 'missing indexes are found from the workload and the statistics alone, and give what they promise',
  run,
} satisfies Claims

interface Measured {
  query: Planted
  beforeMs: number
  afterMs: number
}

async function run({ quick, log }: ClaimsOptions): Promise<Report> {
  const server = await startTestServer()
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-indexes-'))
  const name = `indexes_${randomHex(6)}`
  const url = await createDatabase(server, name)
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    log(`tables with ${quick ? '100,000' : '1,000,000'} orders`)
    await mkdir(join(folder, MODULE))
    await writeFile(join(folder, MODULE, '0001_tables.sql'), TABLES)
    const sources = [{ module: MODULE, schema: MODULE, directory: join(folder, MODULE) }]
    await migrate({ url, app: 'proof', secretKey: 'a key for this proof', sources })
    await client.query(`set search_path = ${MODULE}`)
    for (const sql of fill(quick ? 0.1 : 1)) await client.query(sql)
    await client.query('vacuum analyze')
    const before = await fingerprintOf(client)

    log('the advice')
    const started = performance.now()
    const workload = QUERIES.map(({ text, calls }) => ({ module: MODULE, text, calls }))
    const target = { url, app: 'proof', tables: { sources, isApplied: () => true } }
    const advice = await adviseIndexes({ ...target, workload })
    const seconds = (performance.now() - started) / 1000
    const withSamples = QUERIES.map(({ text, calls, sample }) => ({ module: MODULE, text, calls, samples: [sample] }))
    const informed = await adviseIndexes({ ...target, workload: withSamples })
    const agrees = listOf(advice) === listOf(informed)
    const untouched = (await fingerprintOf(client)) === before

    log('building what it proposes')
    const gaps = QUERIES.filter(({ wants }) => wants !== undefined)
    const slow = await timesOf(client, gaps)
    for (const { sql } of advice.create) await client.query(sql)
    await client.query('vacuum analyze')
    const fast = await timesOf(client, gaps)
    const measured = gaps.map((query, i): Measured => ({ query, beforeMs: slow[i]!, afterMs: fast[i]! }))
    return report(advice, measured, { seconds, untouched, agrees, quick })
  } finally {
    await client.end()
    await dropDatabase(server, name)
    await server.stop()
    await rm(folder, { recursive: true })
  }
}

function report(
  advice: Advice,
  measured: readonly Measured[],
  facts: { seconds: number; untouched: boolean; agrees: boolean; quick: boolean },
): Report {
  const found = (query: Planted): string | undefined => advice.create.find(({ sql }) => query.wants!.test(sql))?.sql
  const closed = measured.filter(({ query }) => found(query) !== undefined)
  const needless = advice.create.filter(({ sql }) => !measured.some(({ query }) => query.wants!.test(sql)))
  const least = facts.quick ? 1.3 : 5
  const gained = measured.filter(({ beforeMs, afterMs }) => beforeMs >= afterMs * least)
  const drops = advice.drop.map(({ index, why }) => `${index}: ${why}`).sort()
  const rows: Row[] = measured.map(({ query, beforeMs, afterMs }) => ({
    query: query.what,
    index: found(query) ?? 'nothing',
    'before ms': beforeMs.toFixed(2),
    'after ms': afterMs.toFixed(2),
    times: Math.round(beforeMs / afterMs),
  }))
  return {
    claims: [
      {
        claim: 'planted gaps that are closed',
        goal: `all ${measured.length}, at least 15`,
        value: closed.length,
        holds: closed.length === measured.length && measured.length >= 15,
      },
      {
        claim: 'indexes proposed that no gap needs',
        goal: '0',
        value: needless.length === 0 ? 0 : needless.map(({ sql }) => sql).join(' '),
        holds: needless.length === 0,
      },
      {
        claim: `queries at least ${least} times faster when they are built`,
        goal: `all ${measured.length}`,
        value: gained.length,
        holds: gained.length === measured.length,
      },
      {
        claim: 'time for the advice',
        goal: 'at most 15 s',
        value: `${facts.seconds.toFixed(1)} s for ${advice.queries} queries, ${advice.candidates} candidates`,
        holds: facts.seconds <= 15,
      },
      {
        claim: 'the duplicate index and the bloated ones are found, and no others',
        goal: DROPS.join(', '),
        value: drops.join(', '),
        holds: drops.join() === DROPS.join(),
      },
      {
        claim: 'queries that could not be planned',
        goal: '0',
        value: advice.unplanned.length === 0 ? 0 : JSON.stringify(advice.unplanned),
        holds: advice.unplanned.length === 0,
      },
      // In the short form the values lie beyond the rows that there are.
      ...(facts.quick
        ? []
        : [
            {
              claim: 'made-up values and those that the queries ran with lead to the same indexes',
              goal: 'yes',
              value: facts.agrees ? 'yes' : 'no',
              holds: facts.agrees,
            },
          ]),
      { claim: 'the target is as it was', goal: 'yes', value: facts.untouched ? 'yes' : 'no', holds: facts.untouched },
    ],
    rows,
  }
}

const DROPS = ['orders_status: duplicate', 'visits_pkey: bloated', 'visits_visitor: bloated']

function listOf({ create }: Advice): string {
  return create
    .map(({ sql }) => sql)
    .sort((a, b) => a.localeCompare(b))
    .join('\n')
}

/** The best of three runs of each, in a transaction that is rolled back. */
async function timesOf(client: pg.Client, queries: readonly Planted[]): Promise<number[]> {
  const times: number[] = []
  for (const { text, sample } of queries) {
    let best = Infinity
    for (let i = 0; i < 3; i++) {
      await client.query('begin')
      const { rows } = await client.query<{ 'QUERY PLAN': [{ 'Execution Time': number }] }>(
        `explain (analyze, format json) ${text}`,
        [...sample],
      )
      await client.query('rollback')
      best = Math.min(best, rows[0]!['QUERY PLAN'][0]['Execution Time'])
    }
    times.push(best)
  }
  return times
}

/** All that reading must not change. */
async function fingerprintOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ state: string }>(
    `select md5(string_agg(concat_ws(' ', oid, relname, relfilenode, relpages, reltuples), ',' order by oid)) as state from pg_class where relkind in ('r', 'i', 't')`,
  )
  return rows[0]!.state
}
