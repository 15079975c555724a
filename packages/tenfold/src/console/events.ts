import type { ServerResponse } from 'node:http'
import { ConsoleBusy } from './errors.ts'
import type { ConsoleSource } from './source.ts'

const MOST_STREAMS = 100
/** Ticks are not sent more often than this: a page asks the API after each. */
const SHORTEST_GAP_MS = 1_000
const HEARTBEAT_MS = 15_000

export interface LiveEvents {
  /** Keeps this answer open and writes a tick to it whenever there is new data.
   *  `still` is asked before each write; once it says no, the stream ends. */
  follow(response: ServerResponse, still: () => boolean): void
  stop(): void
}

/** Server-sent events. Nothing is subscribed to, and no timer runs, while nobody follows. */
export function createLiveEvents(source: Pick<ConsoleSource, 'onData'>): LiveEvents {
  const streams = new Map<ServerResponse, () => boolean>()
  const write = (text: string): void => {
    for (const [response, still] of streams) still() ? response.write(text) : response.end()
  }
  const tick = atMostEvery(SHORTEST_GAP_MS, () => write('data: {"type":"tick"}\n\n'))
  let unfollow: (() => void) | undefined

  const begin = (): (() => void) => {
    const heartbeat = setInterval(() => write(': still here\n\n'), HEARTBEAT_MS).unref()
    const news = source.onData(tick.call)
    return () => {
      clearInterval(heartbeat)
      tick.cancel()
      news()
    }
  }
  const leave = (response: ServerResponse): void => {
    streams.delete(response)
    if (streams.size > 0) return
    unfollow?.()
    unfollow = undefined
  }
  return {
    follow(response, still) {
      if (streams.size >= MOST_STREAMS) throw ConsoleBusy({ streams: streams.size })
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      response.write('retry: 3000\n\n')
      response.on('close', () => leave(response))
      streams.set(response, still)
      unfollow ??= begin()
    },
    stop() {
      for (const response of streams.keys()) response.end()
    },
  }
}

/** Calls `fn` at once, and then at most once per `gapMs`, never losing the last call. */
function atMostEvery(gapMs: number, fn: () => void): { call(): void; cancel(): void } {
  let timer: NodeJS.Timeout | undefined
  let again = false
  const call = (): void => {
    again = timer !== undefined
    if (timer) return
    fn()
    timer = setTimeout(() => {
      timer = undefined
      if (again) call()
    }, gapMs).unref()
  }
  const cancel = (): void => {
    clearTimeout(timer)
    timer = undefined
  }
  return { call, cancel }
}
