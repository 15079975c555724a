/** What an exchange belongs to, for the watch that sees it on Node's diagnostics channels. */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface Mark {
  client: string
  /** `/charges/:id/refund`; undefined where paths are users'. */
  template: string | undefined
  /** Where in the code the call was made. */
  stack: string | undefined
  attempt: number
  /** Whether it goes to another part of the same app. */
  internal?: boolean
}

const marks = new AsyncLocalStorage<Mark>()

export function markExchange<T>(mark: Mark, send: () => T): T {
  return marks.run(mark, send)
}

export function markOfExchange(): Mark | undefined {
  return marks.getStore()
}
