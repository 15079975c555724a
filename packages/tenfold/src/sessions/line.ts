import { messageOf, randomHex } from '../kernel/index.ts'
import type { SystemDatabase } from '../database/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { SessionChange } from './sessions.ts'

/** Ends and changes of sessions between instances, over LISTEN/NOTIFY. What is missed is late by as long as instances answer
 *  from memory, which is seconds (N4): so nothing is repeated or confirmed here. */
export interface SessionLine {
  /** Whether it listens by now. */
  readonly open: boolean
  tell(change: SessionChange): Promise<void>
  close(): Promise<void>
}

export interface SessionListener {
  onChange(change: SessionChange): void
  /** Changes may have been missed. */
  onGap(): void
}

const CHANNEL = 'tenfold_session'

export function openSessionLine(db: SystemDatabase, log: Logger, listener: SessionListener): SessionLine {
  const me = randomHex(8)
  const state = { open: false }
  const stopListening = db
    .listen(CHANNEL, (payload) => {
      if (payload === undefined) return listener.onGap()
      const change = changeOf(payload, me)
      if (change) listener.onChange(change)
    })
    .then((stop) => {
      state.open = true
      return stop
    })
    .catch((error: unknown) => {
      log.warn('Ends of sessions cannot be heard of.', { error: messageOf(error) })
      return async () => {}
    })
  return {
    get open() {
      return state.open
    },
    async tell(change) {
      await db.query('select pg_notify($1, $2)', [CHANNEL, JSON.stringify({ from: me, ...change })]).catch((error) => {
        log.warn('Other instances could not be told of the end of a session.', { error: messageOf(error) })
      })
    },
    close: async () => (await stopListening)(),
  }
}

/** Nothing for messages of our own, and for what is not ours: anybody may NOTIFY. */
function changeOf(payload: string, me: string): SessionChange | undefined {
  try {
    const { from, userId, hash } = JSON.parse(payload) as { from?: unknown; userId?: unknown; hash?: unknown }
    if (from === me) return undefined
    if (typeof userId === 'string') return { userId }
    return typeof hash === 'string' ? { hash } : undefined
  } catch {
    return undefined
  }
}
