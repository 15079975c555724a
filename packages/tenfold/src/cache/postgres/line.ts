import { messageOf as textOf, randomHex } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { SystemDatabase } from '../../database/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { Change, ChangeLine, ChangeListener } from '../change.ts'
import { messageOf, payloadsOf } from './payload.ts'

/** Invalidations between instances over LISTEN/NOTIFY.
 *
 *    unlinked --[own echo heard]--> linked --[connection lost | echo overdue]--> unlinked
 *
 *  The line counts as linked only when an instance has heard itself: a connection that looks open but is dead (a firewall
 *  that forgot it) is found by the next echo that does not come. Each way in and out of `linked` is a gap: whatever was
 *  cached before may have missed its invalidation, so the listener forgets it.
 *  Changes are gathered while a NOTIFY is under way, and sent together in one statement of their own. */
export const CHANNEL = 'tenfold_cache'

export interface LineOptions {
  db: SystemDatabase
  clock: Clock
  log: Logger
  /** How often the line is tried, in ms. Defaults to 15,000. A dead line is found within this and `echoWithin`. */
  echoEvery?: number
  /** How long an echo may take, in ms. Defaults to 5000. */
  echoWithin?: number
  /** The position of what is committed, for those who then load from replicas. */
  position?: () => Promise<string | undefined>
}

/** An app does not wait longer for its line when it starts, nor to tell its last changes when it stops. */
const START_WITHIN = 1000
const CLOSE_WITHIN = 1000
/** More changes than this at once become "all of that cache". */
const MAX_PENDING = 10_000

export async function openPostgresLine(options: LineOptions, listener: ChangeListener): Promise<ChangeLine> {
  const { db, clock, log, echoEvery = 15_000, echoWithin = 5000 } = options
  const me = randomHex(8)
  const closing = new AbortController()
  const echo = { sent: 0, heard: 0, wake: new AbortController() }
  let linked = false

  const setLinked = (now: boolean): void => {
    if (linked === now) return
    linked = now
    listener.onGap()
    if (!now) log.warn('Invalidations of caches cannot be received; values are kept for seconds only until they can.')
  }

  const stopListening = await db.listen(CHANNEL, (payload) => {
    if (payload === undefined) {
      listener.onGap()
      setLinked(false)
      echo.wake.abort()
      return
    }
    const message = messageOf(payload)
    if (!message) return
    if (message.from !== me) return message.changes.forEach((change) => listener.onChange(change))
    if (message.echo === undefined || message.echo <= echo.heard) return
    echo.heard = message.echo
    echo.wake.abort()
  })

  const pause = async (ms: number): Promise<void> => {
    if (closing.signal.aborted) return
    echo.wake = new AbortController()
    await clock.sleep(ms, echo.wake.signal)
  }

  const hearsItself = async (): Promise<boolean> => {
    const number = ++echo.sent
    const deadline = clock.elapsed() + echoWithin
    const state = { failed: false }
    notify(db, [JSON.stringify({ from: me, changes: [], echo: number })]).catch(() => {
      state.failed = true
      echo.wake.abort()
    })
    while (echo.heard < number && !state.failed && clock.elapsed() < deadline && !closing.signal.aborted) {
      await pause(Math.max(1, deadline - clock.elapsed()))
      if (!linked && echo.heard < number) return false
    }
    return echo.heard >= number
  }

  const tried = Promise.withResolvers<void>()
  const keepTrying = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const heard = await hearsItself()
      if (closing.signal.aborted) return
      setLinked(heard)
      tried.resolve()
      await pause(heard ? echoEvery : Math.min(500, echoEvery))
    }
  }

  const sender = createSender(options, me, closing.signal)
  const trying = keepTrying()
  await firstOf(tried.promise, START_WITHIN, clock)
  return {
    get linked() {
      return linked
    },
    tell: sender.tell,
    async close() {
      closing.abort()
      echo.wake.abort()
      await firstOf(sender.finish(), CLOSE_WITHIN, clock)
      await trying
      await stopListening()
    },
  }
}

async function firstOf(done: Promise<void>, ms: number, clock: Clock): Promise<void> {
  const timer = new AbortController()
  await Promise.race([done, clock.sleep(ms, timer.signal)])
  timer.abort()
}

function createSender(
  { db, clock, log, position }: LineOptions,
  me: string,
  closed: AbortSignal,
): { tell(change: Change): Promise<void>; finish(): Promise<void> } {
  let pending = new Map<string, Change>()
  let told = Promise.withResolvers<void>()
  let sending: Promise<void> | undefined

  const remember = (id: string, change: Change): void => {
    const whole = pending.size >= MAX_PENDING && !pending.has(id)
    if (whole) pending.set(JSON.stringify([change.cache]), { cache: change.cache })
    else pending.set(id, change)
  }

  /** Whether it succeeded; what could not be told is pending again. */
  const sendPending = async (): Promise<boolean> => {
    const batch = pending
    const waiting = told
    pending = new Map()
    told = Promise.withResolvers()
    try {
      const at = await position?.()
      const changes = at === undefined ? batch.values() : [...batch.values()].map((change) => ({ ...change, at }))
      await notify(db, payloadsOf(me, changes))
      return true
    } catch (error) {
      log.warn('Other instances could not be told of invalidations; trying again.', { error: textOf(error) })
      for (const [id, change] of batch) remember(id, change)
      return false
    } finally {
      waiting.resolve()
    }
  }

  const sendAll = async (): Promise<void> => {
    await nextTurn()
    for (let failures = 0; pending.size > 0;) {
      failures = (await sendPending()) ? 0 : failures + 1
      if (failures > 0) await clock.sleep(Math.min(5000, 100 * 2 ** failures), closed)
      // What cannot be told while closing is covered by the time to live elsewhere.
      if (failures > 0 && closed.aborted) break
    }
    sending = undefined
  }

  return {
    tell(change) {
      remember(JSON.stringify([change.cache, change.key, change.tag]), change)
      sending ??= sendAll()
      return told.promise
    },
    finish: () => sending ?? Promise.resolve(),
  }
}

/** What is changed in the same turn of the event loop is sent together. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

async function notify(db: SystemDatabase, payloads: string[]): Promise<void> {
  await db.query(`select pg_notify('${CHANNEL}', payload) from unnest($1::text[]) as payload`, [payloads])
}
