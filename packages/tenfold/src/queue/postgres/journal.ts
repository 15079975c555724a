/** The steps of a job, in tenfold.job_step. Times are those of the database. */
import type { SystemDatabase } from '../../database/index.ts'
import { JobLeaseLost } from '../errors.ts'
import type { Sealer } from '../secret.ts'
import type { Entry, Journal } from '../steps.ts'
import { storable } from './encode.ts'
import type { Claimed } from './run.ts'

const LEFT = `extract(epoch from until - clock_timestamp())::float8 * 1000 as "leftMs"`

/** Marks the job as one with steps, if this worker still holds it; then writes the step. */
const WRITE = `
with held as (
  update tenfold.job set links = coalesce(links, 0) | 4 where id = $1 and attempt = $2 and owner = $3 returning id
)
insert into tenfold.job_step as s (job_id, name, result, until)
  select id, $4, $5::text::jsonb, clock_timestamp() + $6::float8 * interval '1 ms' from held
  on conflict (job_id, name) do update set name = excluded.name
  returning result::text, ${LEFT}`

interface Row {
  name: string
  result: string | null
  leftMs: number | null
}

export function createJournal(db: SystemDatabase, sealer: Sealer, job: Claimed): Journal {
  const sealed = job.more?.extra?.sealed === true
  const entryOf = ({ result, leftMs }: Omit<Row, 'name'>): Entry => {
    const value: unknown = result === null ? null : JSON.parse(result)
    return { result: sealed ? sealer.open(job.name, value) : value, ...(leftMs !== null && { leftMs }) }
  }
  const write = async (step: string, json: string | null, ms: number | null): Promise<Entry> => {
    const text = json === null ? null : sealed ? sealer.seal(job.name, json) : storable(json)
    const { rows } = await db.query<Row>(WRITE, [job.id, job.attempt, job.owner, step, text, ms])
    if (!rows[0]) throw JobLeaseLost({ name: job.name })
    return entryOf(rows[0])
  }
  return {
    async load() {
      const { rows } = await db.query<Row>(
        `select name, result::text, ${LEFT} from tenfold.job_step where job_id = $1`,
        [job.id],
      )
      return new Map(rows.map((row) => [row.name, entryOf(row)]))
    },
    async finish(step, json) {
      await write(step, json, null)
    },
    sleep: (step, ms) => write(step, null, ms),
    async wait(step, { event, match = {}, timeoutMs }) {
      await write(step, null, timeoutMs)
      await db.query(
        `insert into tenfold.job_wait (job_id, step, event, match) select $1, $2, $3, $4::text::jsonb
         where exists (select from tenfold.job_step where job_id = $1 and name = $2 and until is not null)
         on conflict do nothing`,
        [job.id, step, event, JSON.stringify(match)],
      )
      await db.query('select tenfold.queue_find_events($1)', [job.id])
      return (await this.load()).get(step)!
    },
    async timeOut(step) {
      await db.query(
        `with timed as (
           update tenfold.job_step set until = null, result = 'null' where job_id = $1 and name = $2 and until is not null returning job_id
         )
         delete from tenfold.job_wait w using timed where w.job_id = timed.job_id and w.step = $2`,
        [job.id, step],
      )
      return (await this.load()).get(step)!
    },
  }
}
