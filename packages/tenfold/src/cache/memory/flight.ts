import type { ReadAt } from '../../database/index.ts'
import type { Clock } from '../../kernel/index.ts'
import { CacheClosed, CacheLoadTimeout } from '../errors.ts'

/** One load that is under way, and all who wait for it. */
export class Flight<Value> {
  readonly text: string
  promise!: Promise<Value>
  /** The key was invalidated meanwhile: the value may be given to those who wait, but not stored (C5). */
  outdated = false
  /** Tags that were invalidated meanwhile; which of them concern the value is known only when it is here. */
  tags: Set<string> | undefined
  /** Where the value was read from, once it is here. */
  readAt: ReadAt | undefined
  /** For a refresh ahead of time: a value that is not fresh for longer than this would change nothing. In ms. */
  readonly freshForMs: number

  /** @param text the key that is being loaded */
  constructor(text: string, freshForMs = 0) {
    this.text = text
    this.freshForMs = freshForMs
  }
}

/** Runs `load` until it ends, `ms` have passed or the cache is closed, whichever is first. */
export async function bounded<Value>(
  load: (signal: AbortSignal) => Promise<Value> | Value,
  limits: { cache: string; ms: number; clock: Clock; closed: AbortSignal },
): Promise<Value> {
  const stop = new AbortController()
  const timer = new AbortController()
  const interrupted = new Promise<never>((_, reject) => {
    const fail = (error: Error): void => {
      stop.abort(error)
      reject(error)
    }
    const onClosed = (): void => fail(CacheClosed({ cache: limits.cache }))
    if (limits.closed.aborted) return onClosed()
    limits.closed.addEventListener('abort', onClosed, { once: true, signal: timer.signal })
    if (limits.ms === 0) return
    void limits.clock.sleep(limits.ms, timer.signal).then(() => {
      if (!timer.signal.aborted) fail(CacheLoadTimeout({ cache: limits.cache, ms: limits.ms }))
    })
  })
  try {
    return await Promise.race([load(stop.signal), interrupted])
  } finally {
    interrupted.catch(() => {})
    // Without a reason, an exception with a stack would be made for each load: a third of what a load costs here.
    timer.abort('over')
  }
}
