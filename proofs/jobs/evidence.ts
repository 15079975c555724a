/** Reads what the database says happened, as its administrator: the ledgers of both modules and the tables of the queue. */
import type { SystemDatabase } from '../../packages/tenfold/src/database/index.ts'
import type { Finished } from './finished.ts'
import type { Evidence, Run } from './judge.ts'

type Stored = Pick<Evidence, 'promises' | 'never' | 'runs' | 'effects' | 'finished' | 'unfinished' | 'dead'>

/** @param onRedis what was seen to be done there: no list of it is kept */
export async function readEvidence(admin: SystemDatabase, onRedis: readonly Finished[]): Promise<Stored> {
  const read = async <Row>(text: string): Promise<Row[]> => (await admin.query<Row>(text)).rows
  const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`
  const runs = (schema: string, kind: string): string => `
    select job_id::text as job, marker, kind, key, pid, ${ms('began_at')} as began, ${ms('ended_at')} as ended, outcome
    from ${schema}.run where kind ${kind}`
  const promises = await read<Evidence['promises'][number]>(
    `select marker, kind, job_id::text as job, ${ms('not_before')} as "notBefore" from work.promise`,
  )
  const never = await read<{ marker: string }>('select marker from work.never')
  const effects = await read<{ job: string }>(
    'select job_id::text as job from work.effect union all select job_id::text from ears.effect',
  )
  const finished = await read<Evidence['finished'][number]>(`
    select coalesce(i.id, d.id::text) as job, name, coalesce(d.payload->>'marker', coalesce(e.event, d.payload)->'payload'->>'marker') as marker,
           ${ms('finished_at')} as at,
           array(select (error->>'at')::float8 from jsonb_array_elements(coalesce(errors, '[]')) as error) as "failedAt"
    from tenfold.job_done d
      -- Of many events that shared a row, each counts, but for those that left it.
      left join lateral jsonb_array_elements(d.payload->'events') with ordinality as e (event, n) on d.payload ? 'ids'
      left join lateral jsonb_array_elements_text(d.payload->'ids') with ordinality as i (id, n) on i.n = e.n
    where name not like 'redis:%' and not coalesce(d.payload->'out' @> to_jsonb(e.n - 1), false)`)
  const left = await read<{ unfinished: number; dead: number }>(`
    select ((select count(*) from tenfold.job) + (select count(*) from tenfold.event_outbox)
      + (select count(*) from tenfold.redis_held))::int as unfinished,
           (select count(*) from tenfold.job_dead)::int as dead`)
  const allRuns = await read<Run>(`${runs('work', 'is not null')} union all ${runs('ears', 'is not null')}`)
  const markers = new Map(allRuns.map(({ job, marker }) => [job, marker]))
  return {
    promises,
    never: never.map((row) => row.marker),
    runs: allRuns,
    effects: effects.map((row) => row.job),
    finished: [...finished, ...onRedis.map((one) => ({ ...one, marker: markers.get(one.job) ?? '', failedAt: [] }))],
    ...left[0]!,
  }
}
