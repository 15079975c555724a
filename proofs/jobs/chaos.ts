/** Kills at random moments, from a seed: mostly workers, now and then a producer or the database; some workers are paused
 *  for longer than their lease instead. */
import type { Crew, Moment } from './crew.ts'
import type { Random } from './random.ts'
import type { KillableServer, Outage } from './server.ts'

export interface Chaos {
  workers: Moment[]
  producers: Moment[]
  outages: Outage[]
  /** Of Redis. */
  redis: Outage[]
  pauses: (Outage & { pid: number })[]
}

export interface ChaosOptions {
  kills: number
  producerKills: number
  serverKills: number
  /** Defaults to none. */
  redisKills?: number
  pauses: number
  /** The longest pause between two kills, in ms. */
  everyMs: number
  leaseMs: number
  random: Random
  workers: Crew
  producers: Crew
  server: KillableServer
  redis?: Pick<KillableServer, 'kill'>
  signal: AbortSignal
  log(line: string): void
}

export async function wreak(options: ChaosOptions): Promise<Chaos> {
  const { random, workers, producers, server, signal, leaseMs } = options
  const done: Chaos = { workers: [], producers: [], outages: [], redis: [], pauses: [] }
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

  const someone = async (crew: Crew): Promise<ReturnType<Crew['ready']>[number]> => {
    const deadline = Date.now() + 60_000
    while (crew.ready().length === 0) {
      if (Date.now() > deadline) throw new Error(`no process came up within a minute: ${crew.complaints.join('\n')}`)
      await sleep(20)
    }
    return random.pick(crew.ready())
  }
  const faults = {
    worker: async () => void done.workers.push(await workers.kill(await someone(workers))),
    producer: async () => void done.producers.push(await producers.kill(await someone(producers))),
    server: async () => void done.outages.push(await server.kill()),
    redis: async () => void done.redis.push(await options.redis!.kill()),
    pause: async () => {
      const child = await someone(workers)
      const from = Date.now()
      child.kill('SIGSTOP')
      await sleep(leaseMs * 1.7)
      child.kill('SIGCONT')
      done.pauses.push({ pid: child.pid!, from, to: Date.now() })
    },
  }

  const line = inRandomOrder(options)
  for (const [n, fault] of line.entries()) {
    if (signal.aborted) throw signal.reason
    await sleep(random.next() * options.everyMs)
    await faults[fault]()
    if ((n + 1) % 20 === 0) options.log(`${n + 1} of ${line.length} faults`)
  }
  return done
}

type Fault = 'worker' | 'producer' | 'server' | 'redis' | 'pause'

function inRandomOrder(options: ChaosOptions): Fault[] {
  const { kills, producerKills, serverKills, redisKills = 0, pauses, random } = options
  const line: Fault[] = [
    ...Array<Fault>(kills).fill('worker'),
    ...Array<Fault>(producerKills).fill('producer'),
    ...Array<Fault>(serverKills).fill('server'),
    ...Array<Fault>(redisKills).fill('redis'),
    ...Array<Fault>(pauses).fill('pause'),
  ]
  for (let i = line.length - 1; i > 0; i--) {
    const j = random.whole(0, i)
    ;[line[i], line[j]] = [line[j]!, line[i]!]
  }
  return line
}
