import { toMs, type Duration } from '../kernel/index.ts'
import type { Asks } from './store.ts'

const AT_ONCE = 5000

/** Deletes what is older, some thousand rows at a time, so that nobody waits for long. */
export async function clean(db: Asks, keep: Duration): Promise<{ messages: number; received: number }> {
  const before = new Date(Date.now() - toMs(keep))
  return {
    messages: await all(
      () => db.sql`
      delete from webhook_message where id in
        (select id from webhook_message where created_at < ${before} order by created_at limit ${AT_ONCE})`,
    ),
    received: await all(
      () => db.sql`
      delete from webhook_received where (route, id) in
        (select route, id from webhook_received where received_at < ${before} order by received_at limit ${AT_ONCE})`,
    ),
  }
}

async function all(some: () => Promise<{ rowCount: number }>): Promise<number> {
  let deleted = 0
  for (;;) {
    const { rowCount } = await some()
    deleted += rowCount
    if (rowCount < AT_ONCE) return deleted
  }
}
