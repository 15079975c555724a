import type { Sql } from '../../database/index.ts'
import type { QueryEvidence } from '../evidence.ts'

interface Plan {
  'Node Type': string
  'Relation Name'?: string
  Schema?: string
  Filter?: string
  Plans?: Plan[]
}

/** The filtered sequential scans in the plan of a statement, without running it (`EXPLAIN (GENERIC_PLAN)`, Postgres 16 and
 *  newer). Undefined where it cannot be planned: an older server, a text that was cut. */
export async function readScans(sql: Pick<Sql, 'query'>, text: string): Promise<QueryEvidence['scans'] | undefined> {
  // One statement, of one kind: whatever else stands in a text is not sent back to a server.
  if (!/^(?:select|with|update|delete)\b/i.test(text) || text.includes(';')) return undefined
  try {
    const { rows } = await sql.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
      `explain (generic_plan, verbose, format json) ${text}`,
    )
    const found = scansIn(rows[0]!['QUERY PLAN'][0]!.Plan)
    return await Promise.all(found.map((scan) => sized(sql, scan)))
  } catch {
    return undefined
  }
}

type Scan = NonNullable<QueryEvidence['scans']>[number]

function scansIn(plan: Plan): Scan[] {
  const below = (plan.Plans ?? []).flatMap(scansIn)
  const table = plan['Relation Name']
  if (!plan['Node Type'].endsWith('Seq Scan') || !table || !plan.Filter) return below
  const columns = columnsOf(plan.Filter)
  return columns.length === 0 ? below : [...below, { table, schema: plan.Schema ?? '', columns, rows: 0, pages: 0 }]
}

/** Compared columns, those compared by `=` first: an index is of most use in that order. */
function columnsOf(filter: string): string[] {
  const found = [...filter.matchAll(/(?:\w+\.)?("?)(\w+)\1\)?(?:::[\w ]+)? (=|<|>|<=|>=) (?!any)/gi)]
  const names = (equal: boolean): string[] => found.filter((one) => (one[3] === '=') === equal).map((one) => one[2]!)
  return [...new Set([...names(true), ...names(false).slice(0, 1)])].slice(0, 3)
}

async function sized(sql: Pick<Sql, 'query'>, scan: Scan): Promise<Scan> {
  // A table that was never analysed has no counts yet: then its size tells.
  const { rows } = await sql.query<{ rows: number; pages: number }>(
    `select case when reltuples > 0 then reltuples else pg_relation_size(oid) / 150 end::float8 as rows,
            (pg_relation_size(oid) / current_setting('block_size')::int)::float8 as pages
       from pg_class where relname = $1 and relnamespace = to_regnamespace($2)`,
    [scan.table, scan.schema],
  )
  return { ...scan, ...rows[0] }
}
