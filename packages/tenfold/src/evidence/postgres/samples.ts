import type { Sql } from '../../database/index.ts'
import type { ProcessSample } from '../recorder.ts'
import type { ServerSample } from './server.ts'

export const SERVER = 'database'

export async function writeSample(
  sql: Sql,
  atMs: number,
  source: string,
  sample: ProcessSample | WholeSample,
): Promise<void> {
  await sql.query(
    `insert into tenfold.evidence_sample (at, source, sample) values (to_timestamp($1::float8 / 1000), $2, $3::jsonb)
     on conflict (at, source) do update set sample = excluded.sample`,
    [atMs, source, JSON.stringify(sample).replaceAll('\\u0000', '')],
  )
}

/** The server, the queue and what else there is once for all processes. */
export interface WholeSample {
  server: ServerSample
  jobs: { name: string; waiting: number; running: number; dead: number; oldestMs: number; held?: number }[]
}

/** True for one of all processes: it watches the server in that slot. */
export async function claimSlot(sql: Sql, atMs: number): Promise<boolean> {
  const { rowCount } = await sql.query(
    `insert into tenfold.evidence_sample (at, source) values (to_timestamp($1::float8 / 1000), '${SERVER}')
     on conflict (at, source) do nothing`,
    [atMs],
  )
  return rowCount > 0
}

export async function sawRelease(sql: Sql, release: string): Promise<void> {
  await sql.query('insert into tenfold.evidence_release (release) values ($1) on conflict do nothing', [release])
}

export async function forgetSamples(sql: Sql, beforeMs: number): Promise<void> {
  await sql.query('delete from tenfold.evidence_sample where at < to_timestamp($1::float8 / 1000)', [beforeMs])
}

export interface StoredSamples {
  processes: { at: number; source: string; sample: ProcessSample }[]
  whole: { at: number; sample: WholeSample }[]
}

export async function readSamples(sql: Sql, fromMs: number): Promise<StoredSamples> {
  const { rows } = await sql.query<{ at: number; source: string; sample: ProcessSample & WholeSample }>(
    `select extract(epoch from at)::float8 * 1000 as at, source, sample from tenfold.evidence_sample
      where at >= to_timestamp($1::float8 / 1000) and sample is not null order by at, source`,
    [fromMs],
  )
  return {
    processes: rows.filter(({ source }) => source !== SERVER),
    whole: rows.filter(({ source }) => source === SERVER),
  }
}
