/** How workers learn of work, the fastest way first:
 *    1  in this process: a function call, right after the commit
 *    2  other processes: one NOTIFY for all that happened meanwhile, sent after the commit and never inside a user's
 *       transaction (its commit would take a lock that all others wait for)
 *    3  polling, which needs neither */
import type { SystemDatabase } from '../../database/index.ts'
import { messageOf } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'

export interface News {
  /** Jobs that can be claimed now: of these names, this many, the lowest place in line. */
  ready?: { names: readonly string[]; count: number; low: number }
  /** Jobs that wait for their concurrency key; without pairs: some, somewhere. */
  held?: { name: string; key: string }[]
  /** A delayed job is due in so many milliseconds. */
  dueIn?: number
  events?: boolean
  /** Jobs of these names wait for their turn in a lane. */
  lanes?: readonly string[]
  /** A job that may be running is to end. */
  cancel?: boolean
}

export interface Listener {
  readonly takes: 'jobs' | 'events'
  hear(news: News): void
  /** How many more jobs of these names it could begin at once. */
  room(names: readonly string[]): number
}

const CHANNEL = 'tenfold_job'
/** Nobody waits for the disk: a message that a crash of the server takes along is one that polling makes up for. It also keeps no commit of
 *  jobs waiting. */
const NOTIFY = `select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`
/** At most one message in this time. */
const NOTIFY_EVERY_MS = 5

export interface Wake {
  /** Tells this process, and the others if this one cannot take all of it at once. */
  tell(news: News): void
  /** After a lost connection listeners are told that anything may be new. */
  listen(listener: Listener): Promise<() => Promise<void>>
  close(): Promise<void>
}

export function createWake(db: SystemDatabase, telemetry: Telemetry): Wake {
  const listeners = new Set<Listener>()
  let stopListening: Promise<() => Promise<void>> | undefined
  let waiting: { low?: number; held?: boolean; events?: boolean; cancel?: boolean } | undefined
  let timer: NodeJS.Timeout | undefined
  let sending: Promise<void> | undefined
  let sentAt = -Infinity
  let closed = false

  const hasListener = (takes: Listener['takes']): boolean => [...listeners].some((listener) => listener.takes === takes)
  const tellHere = (news: News): void => listeners.forEach((listener) => listener.hear(news))

  const announce = (message: NonNullable<typeof waiting>): void => {
    if (closed) return
    if (waiting) {
      const low = Math.min(waiting.low ?? Infinity, message.low ?? Infinity)
      Object.assign(waiting, message, low < Infinity ? { low } : {})
    } else {
      waiting = message
    }
    if (timer || sending) return
    // The first one goes at once; who waits is only what comes right after it.
    const left = sentAt + NOTIFY_EVERY_MS - performance.now()
    if (left <= 0) return void (sending = send())
    timer = setTimeout(() => {
      timer = undefined
      sending = send()
    }, left)
    timer.unref()
  }

  const send = async (): Promise<void> => {
    const payload = JSON.stringify({ from: telemetry.instanceId, ...waiting })
    waiting = undefined
    sentAt = performance.now()
    try {
      await db.query(NOTIFY, [CHANNEL, payload])
    } catch (error) {
      telemetry.log.debug('Could not announce jobs; polling finds them.', { reason: messageOf(error) })
    }
    sending = undefined
    if (waiting) announce(waiting)
  }

  const receive = (payload: string | undefined): void => {
    const message = payload
      ? (JSON.parse(payload) as { from: string; low?: number; held?: boolean; events?: boolean; cancel?: boolean })
      : undefined
    if (message?.from === telemetry.instanceId) return
    tellHere({
      ...((!message || message.low !== undefined) && { ready: { names: [], count: 0, low: message?.low ?? 0 } }),
      ...((!message || message.held) && { held: [] }),
      events: !message || message.events === true,
      cancel: !message || message.cancel === true,
    })
  }

  return {
    tell(news) {
      let taken = 0
      if (news.ready) for (const listener of listeners) taken += listener.room(news.ready.names)
      tellHere(news)
      if (news.ready && news.ready.count > taken) announce({ low: news.ready.low })
      if (news.held && !hasListener('jobs')) announce({ held: true })
      if (news.lanes && !hasListener('jobs')) announce({ held: true })
      if (news.cancel) announce({ cancel: true })
      if (news.events && !hasListener('events')) announce({ events: true })
    },
    async listen(listener) {
      listeners.add(listener)
      stopListening ??= db.listen(CHANNEL, receive).catch((error: unknown) => {
        telemetry.log.info('Cannot listen for jobs; polling finds them.', { reason: messageOf(error) })
        return async () => {}
      })
      await stopListening
      return async () => {
        listeners.delete(listener)
        if (listeners.size > 0 || !stopListening) return
        const stop = stopListening
        stopListening = undefined
        await (
          await stop
        )()
      }
    },
    async close() {
      closed = true
      clearTimeout(timer)
      await sending
    },
  }
}
