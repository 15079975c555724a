import { placeOf, wordsOf, type Sql } from '../../database/index.ts'
import { slowCallWords } from '../../outbound/index.ts'
import type { FindingRow, TraceFinding } from '../api.ts'
import type { FoundPoint, KeptFinding } from '../findings.ts'

export async function writeFindings(sql: Sql, instanceId: string, points: readonly FoundPoint[]): Promise<number> {
  if (points.length === 0) return 0
  const rows = points.map((point) => ({
    name: point.name,
    hour: new Date(point.hourMs),
    finding: point.finding,
    first_seen: new Date(point.firstMs),
    last_seen: new Date(point.lastMs),
    contexts: point.contexts,
    repeats: point.repeats,
  }))
  const { rowCount } = await sql.query(
    `insert into tenfold.telemetry_finding as old (name, hour, instance_id, finding, first_seen, last_seen, contexts, repeats)
     select name, hour, $1, finding, first_seen, last_seen, contexts, repeats
       from jsonb_to_recordset($2::jsonb) as x(name text, hour timestamptz, finding jsonb, first_seen timestamptz,
            last_seen timestamptz, contexts bigint, repeats bigint)
     on conflict (name, hour, instance_id) do update set
       finding = excluded.finding, first_seen = least(old.first_seen, excluded.first_seen),
       last_seen = greatest(old.last_seen, excluded.last_seen), contexts = old.contexts + excluded.contexts,
       repeats = old.repeats + excluded.repeats`,
    [instanceId, JSON.stringify(rows).replaceAll('\\u0000', '')],
  )
  return rowCount
}

export async function dropFindings(sql: Sql, beforeMs: number): Promise<void> {
  await sql.query('delete from tenfold.telemetry_finding where hour < to_timestamp($1::float8 / 1000)', [beforeMs])
}

/** The newest first; whole hours, from the one in which `fromMs` lies. `contextsOf` tells how many requests … there were
 *  in all. */
export async function readFindings(
  sql: Sql,
  fromMs: number,
  contextsOf: (finding: KeptFinding) => number | undefined,
): Promise<FindingRow[]> {
  const { rows } = await sql.query<{
    id: string
    finding: KeptFinding
    firstSeen: number
    lastSeen: number
    contexts: number
    repeats: number
  }>(
    `select name as id, (array_agg(finding order by last_seen desc))[1] as finding,
            (select extract(epoch from min(first_seen))::float8 * 1000 from tenfold.telemetry_finding f where f.name = t.name) as "firstSeen",
            extract(epoch from max(last_seen))::float8 * 1000 as "lastSeen", sum(contexts)::float8 as contexts,
            sum(repeats)::float8 as repeats
       from tenfold.telemetry_finding t where hour >= date_trunc('hour', to_timestamp($1::float8 / 1000), 'UTC')
      group by name order by max(last_seen) desc limit 500`,
    [fromMs],
  )
  return rows.map(({ id, finding, firstSeen, lastSeen, contexts, repeats }) => {
    const all = contextsOf(finding)
    return {
      id,
      ...described(finding),
      firstSeen,
      lastSeen,
      contexts,
      ...(all !== undefined && { share: Math.min(1, contexts / Math.max(1, all)) }),
      meanRepeats: repeats / Math.max(1, contexts),
    }
  })
}

/** A finding with its words. */
export function described(finding: KeptFinding): TraceFinding {
  const { code, origin, module, query, callSite, times } = finding
  return {
    code,
    origin,
    module,
    query,
    times,
    ...(finding.code === 'slow-call' ? slowCallWords(finding) : wordsOf(finding)),
    ...(callSite && { callSite: placeOf(callSite), ...(callSite.function && { function: callSite.function }) }),
    ...(finding.code === 'n-plus-one' && { source: finding.source }),
    ...(finding.code === 'slow-call' && { waited: { host: finding.host, ms: finding.waitedMs, share: finding.share } }),
  }
}
