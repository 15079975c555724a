/** What people decide about jobs that are not finished: cancel one, hold back all of a name. */
import type { SystemDatabase } from '../../database/index.ts'
import type { PausedName, Queue } from '../queue.ts'
import type { Wake } from './wake.ts'

export function createControls(db: SystemDatabase, wake: Wake): Pick<Queue, 'cancel' | 'pause' | 'resume' | 'paused'> {
  return {
    async cancel(id, reason = 'Somebody cancelled it.') {
      if (!/^\d{1,18}$/.test(id)) return false
      const { rows } = await db.query<{ how: 'gone' | 'asked' | null }>(
        'select tenfold.queue_cancel($1::bigint, $2) as how',
        [id, reason.slice(0, 1000)],
      )
      const { how } = rows[0]!
      if (how === 'asked') wake.tell({ cancel: true })
      // Jobs that came after it are settled too.
      if (how === 'gone') wake.tell({ ready: { names: [], count: 1, low: 0 }, held: [] })
      return how !== null
    },
    async pause(name, reason) {
      await db.query(
        `insert into tenfold.job_pause (name, reason) values ($1, $2) on conflict (name) do update set reason = excluded.reason`,
        [name, reason ?? null],
      )
    },
    async resume(name) {
      const { rowCount } = await db.query('delete from tenfold.job_pause where name = $1', [name])
      await db.query('select tenfold.queue_park(5000)')
      wake.tell({ ready: { names: [], count: 1, low: 0 }, held: [], lanes: [name] })
      return rowCount > 0
    },
    async paused() {
      const { rows } = await db.query<{ name: string; pausedAt: number; reason: string | null }>(
        `select name, round(extract(epoch from paused_at) * 1000)::float8 as "pausedAt", reason from tenfold.job_pause order by name`,
      )
      return rows.map(({ reason, ...row }): PausedName => ({ ...row, ...(reason !== null && { reason }) }))
    },
  }
}
