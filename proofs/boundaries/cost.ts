/** What it costs that each module logs in with a role of its own: the same statements through connections of four roles and
 *  through connections of one, in turn, in short slices. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase, type Database, type Db } from '../../packages/tenfold/src/database/index.ts'
import { testDatabase } from '../../packages/tenfold/src/database/testing/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'

export interface Cost {
  variant: string
  queriesPerSecond: number
  /** CPU time of this process, all threads. */
  cpuMicroseconds: number
  /** Against one role, the median over all rounds: 1.01 is one per cent more CPU. */
  ratio: number
}

const MODULES = ['one', 'two', 'three', 'four']
const IN_FLIGHT = 10
/** A connection of each role for every statement in flight. */
const ENOUGH = MODULES.length * IN_FLIGHT

export async function measureCost(options: { rounds: number; sliceMs: number; signal: AbortSignal }): Promise<Cost[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-boundaries-'))
  const sources = await Promise.all(
    MODULES.map(async (module) => {
      const directory = join(folder, module)
      await mkdir(directory)
      const table =
        "create table item (id int primary key, name text not null); insert into item select n, 'item ' || n from generate_series(1, 1000) n;"
      await writeFile(join(directory, '0001_items.sql'), `--! phase: expand\n${table}\n`)
      return { module, schema: module, directory }
    }),
  )
  const db = await testDatabase({ app: 'cost', migrations: sources })
  const telemetry = createTelemetry({ service: 'cost', env: 'test', level: 'silent' })
  const open = (maxConnections: number): Database => openDatabase({ ...db, telemetry, maxConnections })
  // The one role of the comparison is a module's, with rights on the tables of all.
  for (const module of MODULES) {
    const admin = openDatabase({ ...db, roleMode: 'shared', telemetry, maxConnections: 1 })
    await admin.system.query(`grant usage on schema ${module} to cost_one; grant select on ${module}.item to cost_one`)
    await admin.service.stop()
  }
  const databases = { shared: open(IN_FLIGHT), same: open(IN_FLIGHT), separate: open(ENOUGH), usual: open(20) }
  const all = (database: Database, role?: string): Db<object>[] => MODULES.map((name) => database.module(role ?? name))
  const variants = [
    { variant: 'one role', dbs: all(databases.shared, 'one') },
    { variant: 'one role, again (noise)', dbs: all(databases.same, 'one') },
    { variant: 'a role per module', dbs: all(databases.separate) },
    { variant: 'a role per module, at most 20 connections (the default)', dbs: all(databases.usual) },
  ]
  try {
    const slices = variants.map((): Slice[] => [])
    for (let round = -1; round < options.rounds; round++) {
      if (options.signal.aborted) throw options.signal.reason
      for (const [i, { dbs }] of inTurn(variants, round)) {
        const slice = await runSlice(dbs, options.sliceMs)
        if (round >= 0) slices[i]!.push(slice) // the first one opens the connections
      }
    }
    return variants.map(({ variant }, i) => ({
      variant,
      queriesPerSecond: median(slices[i]!.map((slice) => slice.queriesPerSecond)),
      cpuMicroseconds: median(slices[i]!.map((slice) => slice.cpu)),
      ratio: median(slices[i]!.map((slice, round) => slice.cpu / slices[0]![round]!.cpu)),
    }))
  } finally {
    for (const database of Object.values(databases)) await database.service.stop()
    await db.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** A Williams square (https://doi.org/10.1071/CH9490149): over the rounds, each comes at each place and after each of the others equally
 *  often. What one leaves behind (caches, garbage, connections that sleep) then weighs on all of them alike. */
function inTurn<T>(all: readonly T[], round: number): [number, T][] {
  return all.map((_, i) => {
    const place = i % 2 === 1 ? (i + 1) / 2 : all.length - i / 2
    const at = (place + round + all.length) % all.length
    return [at, all[at]!]
  })
}

interface Slice {
  queriesPerSecond: number
  cpu: number
}

async function runSlice(dbs: readonly Db<object>[], ms: number): Promise<Slice> {
  const started = performance.now()
  const before = process.cpuUsage()
  const until = started + ms
  let queries = 0
  const flow = async (n: number): Promise<void> => {
    for (let i = n; performance.now() < until; i++) {
      const module = i % MODULES.length
      await dbs[module]!.sql(QUERIES[module]! as unknown as TemplateStringsArray, 1 + ((i * 7) % 1000))
      queries++
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, (_, n) => flow(n)))
  const { user, system } = process.cpuUsage(before)
  return { queriesPerSecond: (queries / (performance.now() - started)) * 1000, cpu: (user + system) / queries }
}

const QUERIES = MODULES.map((module) => [`select id, name from ${module}.item where id = `, ''])

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
