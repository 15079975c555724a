import { JOB, type Place, type System } from './system.ts'

/** What Postgres can do at most without any promise: a plain INSERT, a plain DELETE … SKIP LOCKED of 500, no leases, no retries. */
export async function openRaw({ url, peers }: Place): Promise<System> {
  const { default: pg } = await peers('pg')
  const pool = new pg.Pool({ connectionString: url, max: 50 })
  await pool.query(`create table if not exists raw_job (id bigint generated always as identity primary key,
    name text not null, payload jsonb not null)`)
  const claim = `delete from raw_job where id = any (array(
    select id from raw_job order by id limit 500 for update skip locked)) returning payload`
  return {
    clear: () => pool.query('truncate raw_job'),
    add: (payload) => pool.query('insert into raw_job (name, payload) values ($1, $2)', [JOB, payload]),
    addMany: (payloads) =>
      pool.query(
        `insert into raw_job (name, payload) select '${JOB}', value from jsonb_array_elements($1::text::jsonb)`,
        [JSON.stringify(payloads)],
      ),
    async work(_concurrency, run) {
      let stopping = false
      const loop = async (): Promise<void> => {
        while (!stopping) {
          const { rows } = await pool.query(claim)
          for (const { payload } of rows as { payload: object }[]) run(payload)
          if (rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 2))
        }
      }
      const loops = [loop(), loop()]
      return async () => {
        stopping = true
        await Promise.all(loops)
      }
    },
    async left() {
      const { rows } = await pool.query('select count(*)::int as left from raw_job')
      return (rows as { left: number }[])[0]!.left
    },
    close: () => pool.end(),
  }
}
