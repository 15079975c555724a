import type { Sql } from '../database/index.ts'
import { type Clock, systemClock } from '../kernel/index.ts'
import { assemble } from './assemble.ts'
import type { Evidence, PastAdvice, QueryEvidence } from './evidence.ts'
import { endedAdvice } from './postgres/advice.ts'
import { readScans } from './postgres/plans.ts'
import { findShifts, type Series } from './regressions.ts'
import { readSamples } from './postgres/samples.ts'
import { readTexts } from './postgres/server.ts'

export interface GatherOptions {
  app: string
  /** As the platform's role. */
  db: Sql
  /** The server that the app asks. Defaults to that of `db`. */
  server?: Sql
  /** How far to look back, at most an hour. Defaults to 10 minutes. */
  minutes?: number
  /** Runs SQL as the role of a module: to ask for the plan of a statement of its own. */
  asModule: (module: string) => { query: Sql['query'] } | undefined
  /** What is known of the past by days, and of places in the code that repeat queries. */
  days: () => Promise<Evidence['days']>
  repeats: (minutes: number) => Promise<Evidence['repeats']>
  /** Routes, queries and jobs by the hour, over some weeks. */
  hours: () => Promise<readonly Series[]>
  clock?: Clock
}

const LEAST_BLOCKS = 100
const PLANS = 5

/** Adds up what all processes reported in the last minutes.
 *  @example
 *  const evidence = await gatherEvidence({ app: 'shop', db: database.system, … })
 *  evidence.traffic.perSecond        // -> 212.4 */
export async function gatherEvidence(options: GatherOptions): Promise<Evidence> {
  const { app, db, server = db, minutes = 10, clock = systemClock } = options
  const now = clock.now()
  const samples = await readSamples(db, now - minutes * 60_000)
  const ids = [...new Set(samples.whole.at(-1)?.sample.server.statements.map(([, id]) => id) ?? [])]
  const [texts, days, repeats, changes, hours, outcomes] = await Promise.all([
    readTexts(server, ids),
    options.days(),
    options.repeats(minutes),
    readChanges(db),
    options.hours(),
    endedAdvice<PastAdvice>(db),
  ])
  const evidence = assemble({
    app,
    now,
    minutes,
    samples,
    texts,
    days,
    repeats,
    changes,
    shifts: findShifts(hours, changes),
    outcomes,
  })
  await addScans(evidence.database?.queries ?? [], options)
  return evidence
}

/** The plans of what reads much for what it gives. */
async function addScans(queries: readonly QueryEvidence[], { asModule }: GatherOptions): Promise<void> {
  const suspicious = queries.filter(({ calls, blocks }) => blocks / Math.max(1, calls) >= LEAST_BLOCKS).slice(0, PLANS)
  for (const query of suspicious) {
    const sql = asModule(query.module)
    const scans = sql && (await readScans(sql, query.query))
    // None found is an answer, too: its plan has no such scan.
    if (scans) query.scans = scans
  }
}

async function readChanges(db: Sql): Promise<Evidence['changes']> {
  const { rows } = await db.query<Evidence['changes'][number]>(
    `(select extract(epoch from applied_at)::float8 * 1000 as at, 'migration' as what, module || '/' || name as name
        from tenfold.migration where applied_at > now() - interval '60 days' order by applied_at desc limit 100)
     union all
     (select extract(epoch from first_seen)::float8 * 1000, 'release', release from tenfold.evidence_release
       where first_seen > now() - interval '60 days' order by first_seen desc limit 100)
     order by at desc`,
  )
  return rows
}
