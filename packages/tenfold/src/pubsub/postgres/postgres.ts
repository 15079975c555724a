/** LISTEN and NOTIFY. One channel of Postgres for all of ours: it is one connection of each instance anyway, and what an
 *  instance has seen it can tell again to a client that comes from another one. */
import type { SystemDatabase } from '../../database/index.ts'
import { messageOf } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { Arrivals, Transport } from '../bus.ts'

const CHANNEL = 'tenfold_pubsub'
/** Postgres refuses 8000 and more. */
const LARGEST_NOTIFY = 7900
/** Messages that come within this time go out in one statement: each commit with a NOTIFY takes a lock of the whole server. */
const TOGETHER_MS = 2
/** Large messages are kept for so long, in seconds, for instances to fetch. */
const KEPT_SECONDS = 60

interface Waiting {
  packed: string
  resolve: () => void
  reject: (error: unknown) => void
}

export function postgresTransport(
  { arrive, gap }: Arrivals,
  db: SystemDatabase,
  telemetry: Pick<Telemetry, 'log'>,
): Transport {
  let waiting: Waiting[] = []
  let timer: NodeJS.Timeout | undefined
  let sending = Promise.resolve()
  let arriving = Promise.resolve()
  let stopped: Promise<() => Promise<void>> | undefined

  async function sendAll(): Promise<void> {
    timer = undefined
    const now = waiting
    waiting = []
    const packed = now.map((one) => one.packed)
    const large = packed.some((text) => Buffer.byteLength(text) > LARGEST_NOTIFY)
    try {
      if (large) {
        await db.query('select tenfold.pubsub_publish($1::text[], $2, $3, $4)', [
          packed,
          CHANNEL,
          LARGEST_NOTIFY,
          KEPT_SECONDS,
        ])
      } else {
        await db.query('select pg_notify($2, m.text) from unnest($1::text[]) with ordinality m(text, n) order by n', [
          packed,
          CHANNEL,
        ])
      }
      for (const one of now) one.resolve()
    } catch (error) {
      for (const one of now) one.reject(error)
    }
  }

  /** A large message travels as the number of its row. One after another, so that the order stays. */
  async function receive(payload: string): Promise<void> {
    if (!payload.startsWith('#')) return arrive(payload)
    const { rows } = await db.query<{ message: string }>('select message from tenfold.pubsub_large where id = $1', [
      payload.slice(1),
    ])
    if (rows[0]) arrive(rows[0].message)
    else gap()
  }

  return {
    send: (packed) =>
      new Promise((resolve, reject) => {
        waiting.push({ packed, resolve, reject })
        timer ??= setTimeout(() => (sending = sending.then(sendAll)), TOGETHER_MS)
      }),
    async listening() {
      stopped ??= db.listen(CHANNEL, (payload) => {
        arriving = arriving
          .then(() => (payload === undefined ? gap() : receive(payload)))
          .catch((error: unknown) => {
            telemetry.log.warn('A message could not be read.', { reason: messageOf(error) })
            gap()
          })
      })
      await stopped
    },
    async close() {
      const stop = await stopped
      await stop?.()
      if (timer) {
        clearTimeout(timer)
        sending = sending.then(sendAll)
      }
      await sending
      await arriving
    },
  }
}
