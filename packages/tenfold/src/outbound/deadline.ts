import type { Wanted } from './wanted.ts'

const LONGEST_TIMER_MS = 2_000_000_000

/** When a call has to be over, and why it then was. */
export interface Deadline {
  readonly signal: AbortSignal
  readonly ms: number
  /** Whose it is: the call's own, or that of the request or job that makes it. */
  readonly whose: 'call' | 'caller'
  /** Whether the time was up, and not somebody who went away. */
  readonly passed: boolean
  msLeft(): number
  end(): void
}

export function startDeadline(ownMs: number, inherited: Wanted | undefined, signal: AbortSignal | undefined): Deadline {
  const callerMs = inherited?.msLeft() ?? Infinity
  const ms = Math.min(ownMs, callerMs, LONGEST_TIMER_MS)
  const ends = performance.now() + ms
  const ending = new AbortController()
  const state = { passed: false }
  const timer = setTimeout(() => {
    state.passed = true
    ending.abort()
  }, ms)
  const outer = [inherited?.signal, signal].filter((one) => one !== undefined)
  const follow = (event: Event): void => ending.abort((event.target as AbortSignal).reason)
  for (const one of outer) {
    if (one.aborted) ending.abort(one.reason)
    else one.addEventListener('abort', follow, { once: true })
  }
  return {
    signal: ending.signal,
    ms,
    whose: callerMs < ownMs ? 'caller' : 'call',
    get passed() {
      return state.passed
    },
    msLeft: () => Math.max(0, ends - performance.now()),
    end() {
      clearTimeout(timer)
      for (const one of outer) one.removeEventListener('abort', follow)
    },
  }
}
