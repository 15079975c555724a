/** LISTEN needs a session, so it has a connection of its own over the direct URL: one per process, for all channels.
 *  After a loss it is opened again with a growing pause, and everybody is told that messages may have been missed. */
import type pg from 'pg'
import type { Telemetry } from '../telemetry/index.ts'
import { messageOf } from '../kernel/index.ts'
import { endClient } from './wire.ts'
import { createLogin } from './login.ts'
import { quoteName } from './roles.ts'

type OnMessage = (payload: string | undefined) => void

export interface Listener {
  listen(channel: string, onMessage: OnMessage): Promise<() => Promise<void>>
  close(): Promise<void>
}

/** @param clientOf one that is not connected, with the password that is next after so many were refused
 *  @param keys how many passwords there are to try */
export function createListener(clientOf: (refused: number) => pg.Client, keys: number, telemetry: Telemetry): Listener {
  const login = createLogin(keys)
  const channels = new Map<string, Set<OnMessage>>()
  let client: pg.Client | undefined
  let connecting: Promise<void> | undefined
  let retry: NodeJS.Timeout | undefined
  let failures = 0
  let closed = false
  /** One statement after the other: the driver takes no second one while the first is under way. */
  let turn: Promise<unknown> = Promise.resolve()

  const say = (text: string): Promise<void> => {
    const to = client
    const said = turn.then(async () => {
      if (to && to === client) await to.query(text)
    })
    turn = said.catch(() => {})
    return said
  }

  const tellAll = (): void => channels.forEach((listeners) => listeners.forEach((listener) => listener(undefined)))

  const open = async (): Promise<void> => {
    const next = await login(async (refused) => {
      const fresh = clientOf(refused)
      fresh.on('notification', ({ channel, payload }) =>
        channels.get(channel)?.forEach((listener) => listener(payload ?? '')),
      )
      fresh.on('error', () => lose(fresh))
      fresh.on('end', () => lose(fresh))
      await fresh.connect()
      return fresh
    })
    for (const channel of channels.keys()) await next.query(`listen ${quoteName(channel)}`)
    if (closed) return endClient(next)
    client = next
    if (failures > 0) tellAll()
    failures = 0
  }

  const lose = (lost: pg.Client): void => {
    if (client !== lost || closed) return
    client = undefined
    turn = Promise.resolve()
    failures++
    void endClient(lost)
    tellAll()
    reconnect()
  }

  const reconnect = (): void => {
    if (closed || retry) return
    retry = setTimeout(
      () => {
        retry = undefined
        connecting = open().catch((error: unknown) => {
          failures++
          telemetry.log.warn('Cannot listen to the database; polling goes on.', { reason: messageOf(error), failures })
          reconnect()
        })
      },
      Math.min(10_000, 100 * 2 ** failures) * (0.5 + Math.random()),
    )
    retry.unref()
  }

  return {
    async listen(channel, onMessage) {
      const listeners = channels.get(channel) ?? new Set()
      const first = listeners.size === 0
      listeners.add(onMessage)
      channels.set(channel, listeners)
      connecting ??= open().catch((error: unknown) => {
        failures++
        telemetry.log.warn('Cannot listen to the database; polling goes on.', { reason: messageOf(error), failures })
        reconnect()
      })
      await connecting
      if (first) await say(`listen ${quoteName(channel)}`)
      return async () => {
        listeners.delete(onMessage)
        if (listeners.size > 0) return
        channels.delete(channel)
        // Not waited for: a dead connection would never answer, and a live one does it in its turn.
        say(`unlisten ${quoteName(channel)}`).catch(() => {})
      }
    },
    async close() {
      closed = true
      clearTimeout(retry)
      await connecting
      if (client) await endClient(client)
      client = undefined
    },
  }
}
