/** The one rule that no look can find out: that the database is away. Each process watches for itself and sends by itself,
 *  without lease, store or queue; all say it under one key, so that receivers have it once. */
import type { Channel } from './channels/channel.ts'
import { dedupKey, type Notice } from './notice.ts'

export interface UnreachableParts {
  app: string
  env: string
  channels: readonly Channel[]
  /** How long it has to be away. */
  afterMs: number
  log: { error(message: string, fields?: Record<string, unknown>): void }
}

const RULE = 'database-unreachable'
const TRY_AGAIN_MS = 60_000

export interface Unreachable {
  /** Told after each attempt to reach it. Sends what is to be sent, and never rejects. */
  saw(reachable: boolean, now: number): Promise<void>
}

export function watchReachability({ app, env, channels, afterMs, log }: UnreachableParts): Unreachable {
  let awaySince: number | undefined
  /** Channels that have been told, and those still to be told that it is over. */
  const told = new Set<Channel>()
  let triedAt = -Infinity

  const send = async (status: Notice['status'], since: number, now: number, to: readonly Channel[]): Promise<void> => {
    triedAt = now
    const notice = noticeFor(app, env, status, since, now)
    for (const channel of to) {
      try {
        await channel.send(notice)
        if (status === 'firing') told.add(channel)
        else told.delete(channel)
      } catch (error) {
        log.error('An alert could not be sent', { alert: RULE, channel: channel.kind, err: error })
      }
    }
  }

  return {
    async saw(reachable, now) {
      if (reachable) {
        const since = awaySince ?? now
        awaySince = undefined
        if (told.size > 0 && now - triedAt >= 1000) await send('resolved', since, now, [...told])
        return
      }
      awaySince ??= now
      if (now - awaySince < afterMs) return
      const left = channels.filter((channel) => !told.has(channel))
      if (left.length === 0 || now - triedAt < Math.min(TRY_AGAIN_MS, afterMs)) return
      if (told.size === 0) log.error('The database cannot be reached', { alert: RULE })
      await send('firing', awaySince, now, left)
    },
  }
}

function noticeFor(app: string, env: string, status: Notice['status'], since: number, now: number): Notice {
  const says = 'The database cannot be reached.'
  return {
    dedupKey: dedupKey(app, env, RULE),
    status,
    app,
    env,
    rule: RULE,
    severity: 'page',
    summary: says,
    todo: 'See whether the server runs, has room on its disk, and takes connections.',
    since,
    at: now,
    alerts: [{ labels: {}, value: 0, says, since }],
  }
}
