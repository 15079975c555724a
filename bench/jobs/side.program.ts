/** One system in a process of its own: told over IPC what to do, answers with what it measured. */
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { payloadOf, type Peers, type Place } from './systems/system.ts'
import { SYSTEMS } from './systems/index.ts'

export type Order =
  | { do: 'clear' | 'close' | 'left' | 'stop-work' }
  | { do: 'sequential'; count: number }
  | { do: 'concurrent'; count: number; callers: number }
  | { do: 'bulk'; count: number; size: number }
  | { do: 'drain'; count: number; concurrency: number }
  | { do: 'work'; concurrency: number }
  | { do: 'trickle'; count: number; perSecond: number }
  | { do: 'latencies' | 'ran' }
  | { do: 'fill'; count: number }
  | { do: 'flow'; depth: number; count?: number; seconds?: number }

export interface Answer {
  perSecond?: number
  left?: number
  latencies?: number[]
  ran?: number
  error?: string
}

const [name, given] = process.argv.slice(2) as [string, string]
const place = JSON.parse(given) as Place & { folder: string }
const { load } = (await import(pathToFileURL(join(place.folder, 'load.js')).href)) as { load: Peers }
const system = await SYSTEMS[name]!({ ...place, peers: load })

let latencies: number[] = []
let ran = 0
let firstAt = 0
let stopWork: (() => Promise<void>) | undefined

const note = (payload: object): void => {
  if (ran++ === 0) firstAt = performance.now()
  const { at } = payload as { at?: string }
  if (at && latencies.length < 100_000) latencies.push(Number(process.hrtime.bigint() - BigInt(at)) / 1e6)
}
const count = (): void => {
  if (ran++ === 0) firstAt = performance.now()
}

/** Runs jobs while as many are added, so that about `depth` of them wait all the time. Gives jobs/s over the last third. */
async function flow({
  depth,
  count: jobs = Infinity,
  seconds = Infinity,
}: Extract<Order, { do: 'flow' }>): Promise<number> {
  ran = 0
  let added = 0
  const stop = await system.work(10, count)
  const began = performance.now()
  const marks: { at: number; ran: number }[] = []
  while (added < jobs && performance.now() - began < seconds * 1000) {
    marks.push({ at: performance.now(), ran })
    if (added - ran > depth - 1000) await new Promise((resolve) => setTimeout(resolve, 2))
    else await system.addMany(Array.from({ length: 1000 }, (_, n) => payloadOf(added + n))).then(() => (added += 1000))
  }
  const end = marks.at(-1)!
  const third = marks.find(({ at }) => at >= began + ((end.at - began) * 2) / 3)!
  while (ran < added) await new Promise((resolve) => setTimeout(resolve, 5))
  await stop()
  return ((end.ran - third.ran) / (end.at - third.at)) * 1000
}

async function obey(order: Order): Promise<Answer> {
  const began = performance.now()
  const rate = (jobs: number, since = began): Answer => ({ perSecond: (jobs / (performance.now() - since)) * 1000 })
  switch (order.do) {
    case 'clear':
      await system.clear()
      return {}
    case 'left':
      return { left: await system.left() }
    case 'sequential':
      for (let n = 0; n < order.count; n++) await system.add(payloadOf(n))
      return rate(order.count)
    case 'concurrent': {
      let n = 0
      const caller = async (): Promise<void> => {
        while (n < order.count) await system.add(payloadOf(n++))
      }
      await Promise.all(Array.from({ length: order.callers }, caller))
      return rate(order.count)
    }
    case 'bulk':
      for (let at = 0; at < order.count; at += order.size)
        await system.addMany(
          Array.from({ length: Math.min(order.size, order.count - at) }, (_, n) => payloadOf(at + n)),
        )
      return rate(order.count)
    case 'drain': {
      ran = 0
      const stop = await system.work(order.concurrency, count)
      while (ran < order.count) await new Promise((resolve) => setTimeout(resolve, 2))
      while ((await system.left()) > 0) await new Promise((resolve) => setTimeout(resolve, 2))
      const answer = rate(order.count, firstAt)
      await stop()
      return answer
    }
    case 'fill':
      await system.fill!(order.count)
      return {}
    case 'ran':
      return { ran }
    case 'flow':
      return { perSecond: await flow(order) }
    case 'work':
      ran = 0
      latencies = []
      stopWork = await system.work(order.concurrency, note)
      return {}
    case 'stop-work':
      await stopWork?.()
      return {}
    case 'trickle': {
      // Random gaps, as of callers who know nothing of each other; each call at its time, whatever the others do.
      const calls: Promise<unknown>[] = []
      let at = performance.now()
      for (let n = 0; n < order.count; n++) {
        at += (-Math.log(1 - Math.random()) / order.perSecond) * 1000
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())))
        calls.push(system.add(payloadOf(n)))
      }
      await Promise.all(calls)
      return {}
    }
    case 'latencies':
      return { latencies }
    case 'close':
      await system.close()
      return {}
  }
}

process.on('message', (order: Order) => {
  void obey(order)
    .catch((error: Error): Answer => ({ error: error.stack ?? error.message }))
    .then((answer) => {
      process.send!(answer, () => void (order.do === 'close' && process.disconnect()))
    })
})
process.on('disconnect', () => setTimeout(() => process.exit(), 2000).unref())
process.send!({})
