import { createHash } from 'node:crypto'
import type { Sql } from '../../database/index.ts'
import type { SeenStatement } from '../../telemetry/index.ts'

/** Writes what this process has sent since `known` was begun, and adds it to `known`. */
export async function writeStatements(
  sql: Sql,
  release: string,
  statements: readonly SeenStatement[],
  known: Set<string>,
): Promise<void> {
  const fresh = statements.filter(({ module, shape }) => !known.has(`${module} ${shape}`))
  if (fresh.length === 0) return
  const rows = fresh.map(({ module, shape, text }) => ({
    module,
    name: createHash('sha256').update(shape).digest('hex').slice(0, 16),
    text: text.replaceAll('\u0000', '').toWellFormed(),
  }))
  await sql.query(
    `insert into tenfold.telemetry_statement (release, module, name, text)
     select $1, module, name, text from jsonb_to_recordset($2::jsonb) as x(module text, name text, text text)
     on conflict (release, module, name) do update set text = excluded.text, seen_at = now()`,
    [release, JSON.stringify(rows)],
  )
  for (const { module, shape } of fresh) known.add(`${module} ${shape}`)
}

/** What no release has sent for a month. */
export async function forgetStatements(sql: Sql): Promise<void> {
  await sql.query(`delete from tenfold.telemetry_statement where seen_at < now() - interval '30 days'`)
}

export interface ReleasedStatements {
  /** Versions of the app that have a live instance. */
  liveReleases: string[]
  statements: { module: string; text: string; releases: string[] }[]
}

/** What the live releases send; when nothing runs, what the last one sent. Of a live release only what was seen since its
 *  oldest instance started: what an earlier build of the same version sent does not count. */
export async function readStatements(sql: Sql): Promise<ReleasedStatements> {
  const { rows } = await sql.query<{
    liveReleases: string[] | null
    statements: ReleasedStatements['statements'] | null
  }>(
    `with live as (
       select release, min(started_at) as since from tenfold.telemetry_process
        where good_until > now() and release is not null group by release
     ), running as (
       select release, since from live
       union all
       (select release, '-infinity'::timestamptz from tenfold.telemetry_statement
         where not exists (select from live) order by seen_at desc limit 1)
     ), texts as (
       select module, min(text) as text, jsonb_agg(release order by release) as releases
         from tenfold.telemetry_statement join running using (release)
        where seen_at >= since and module <> 'tenfold'
        group by module, name
     )
     select (select jsonb_agg(release order by release) from live) as "liveReleases",
            (select jsonb_agg(to_jsonb(texts) order by module, text) from texts) as statements`,
  )
  return { liveReleases: rows[0]?.liveReleases ?? [], statements: rows[0]?.statements ?? [] }
}
