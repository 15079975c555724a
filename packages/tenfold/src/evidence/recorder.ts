/** One process's part of the evidence: what it saw in each slot of time, written at the slot's end.
 *
 *    every process   slot | slot | slot |           requests, event loop, pool, machine
 *    one of them     looks at the server ten times and more within a slot; whose row came first does it
 *
 *  It has a connection of its own: who waits in the app's line cannot tell how long that line is. */
import { constants, PerformanceObserver, performance } from 'node:perf_hooks'
import { hostname } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import type { ConnectionSource } from './source.ts'
import type { Sql } from '../database/index.ts'
import { messageOf, type Service } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Configuration } from './evidence.ts'
import { HeatWatch, type HeatSample } from './heat.ts'
import { HostWatch, postmasterOf, type HostSample } from './host.ts'
import { LoopWatch, type LoopSample } from './loop.ts'
import { claimSlot, forgetSamples, sawRelease, SERVER, writeSample, type WholeSample } from './postgres/samples.ts'
import { lookAtSessions, noActivity, readServer } from './postgres/server.ts'
import { WorkWatch, type WorkOfSlot } from './work.ts'

export interface ProcessSample {
  host: string
  roles: readonly string[]
  release: string
  startedAt: number
  seconds: number
  configuration: Omit<Configuration, 'roles' | 'instances'>
  work: WorkOfSlot
  loop: LoopSample & { utilization: number }
  gcMs: number
  cpuMs: number
  rssBytes: number
  heapBytes: number
  /** In use right after the last full collection of the slot, buffers included. */
  heapAfterGc?: number
  /** Buffers and what else is kept outside of the heap, now and right after that collection. */
  externalBytes?: number
  externalAfterGc?: number
  heapLimit: number
  pool: { max: number; used: number; waiting: number; opened: number }
  /** By module, as the client saw them: [calls, ms]. */
  statements: Record<string, [calls: number, ms: number]>
  waitedMs: number
  caches: Record<string, [hits: number, misses: number, loads: number, evictions: number, loadMs?: number]>
  heat?: Record<string, HeatSample>
  shed: number
  machine: HostSample
}

export interface RecorderOptions extends ConnectionSource {
  app: string
  telemetry: Telemetry
  roles: readonly string[]
  configuration: Omit<Configuration, 'roles' | 'instances' | 'databaseOnSameHost'>
  pool: () => { open: number; idle: number; waiting: number; max: number; opened: number }
  jobs: () => Promise<
    { name: string; waiting: number; running: number; dead: number; oldestWaitingMs: number; held?: number }[]
  >
  /** Length of a slot, in ms. Defaults to 10000. */
  slotMs?: number
  /** How long samples stay, in ms. Defaults to an hour. */
  keepMs?: number
}

const LOOKS_PER_SLOT = 10
const POOL_LOOK_MS = 100

export function createRecorder(options: RecorderOptions): Service & { flush(): Promise<void> } {
  const { app, telemetry, db, server = db, slotMs = 10_000, keepMs = 3_600_000 } = options
  const slots = new Slots(options)
  let timer: NodeJS.Timeout | undefined
  let looking: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let slot = 0
  let activity = noActivity()
  let watches = false
  let away = false

  const look = async (): Promise<void> => {
    if (watches && server) await lookAtSessions(server, app, activity).catch(() => {})
    looking = setTimeout(() => void look(), slotMs / LOOKS_PER_SLOT).unref()
  }

  /** Ends the running slot and begins the next one. */
  const turn = async (startsAt: number): Promise<void> => {
    const ended = slot
    slot = startsAt
    const sample = slots.take()
    try {
      if (ended > 0) {
        if (watches) {
          const seen = activity
          activity = noActivity()
          if (server) await writeSample(db, ended, SERVER, await whole(server, options, seen))
        }
        await writeSample(db, ended, telemetry.instanceId, sample)
      }
      if (ended === 0) await sawRelease(db, telemetry.version)
      watches = await claimSlot(db, slot)
      if (watches) {
        slots.host.postmaster ??= await findPostmaster(server, options.sameHost)
        await forgetSamples(db, Date.now() - keepMs)
      }
      away = false
    } catch (error) {
      watches = false
      if (!away) telemetry.log.debug('Evidence cannot be stored; the app goes on.', { reason: messageOf(error) })
      away = true
    }
  }
  const turnAlone = async (startsAt: () => number): Promise<void> => {
    while (running) await running
    running = turn(startsAt()).finally(() => (running = undefined))
    await running
  }
  const bySchedule = (): number => Math.floor(Date.now() / slotMs) * slotMs
  const wait = (): void => {
    // The slots of all processes are the same ones, by the clock.
    timer = setTimeout(() => void turnAlone(bySchedule).finally(wait), slotMs - (Date.now() % slotMs) + 1).unref()
  }

  return {
    name: 'evidence',
    flush: () => turnAlone(Date.now),
    async start() {
      slots.start()
      void turnAlone(bySchedule).finally(wait)
      void look()
    },
    async stop() {
      clearTimeout(timer)
      clearTimeout(looking)
      await running
      slots.stop()
    },
  }
}

async function whole(
  sql: Sql,
  { app, jobs }: RecorderOptions,
  activity: ReturnType<typeof noActivity>,
): Promise<WholeSample> {
  const [server, summary] = [await readServer(sql, app, activity), await jobs()]
  return {
    server,
    jobs: summary.map(({ name, waiting, running, dead, oldestWaitingMs, held }) => {
      return { name, waiting, running, dead, oldestMs: oldestWaitingMs, ...(held && { held }) }
    }),
  }
}

async function findPostmaster(sql: Sql | null, sameHost: boolean): Promise<number | undefined> {
  if (!sql || !sameHost) return undefined
  const { rows } = await sql.query<{ pid: number }>('select pg_backend_pid() as pid')
  return postmasterOf(rows[0]!.pid)
}

/** Everything of this process that is measured between two calls of `take`. */
class Slots {
  readonly host = new HostWatch()
  readonly #options: RecorderOptions
  readonly #work: WorkWatch
  readonly #loop = new LoopWatch()
  readonly #heat = new HeatWatch()
  readonly #gained: ReturnType<Telemetry['metrics']['deltas']>
  readonly #startedAt = Date.now()
  readonly #collections: PerformanceObserver
  #removeSink: (() => void) | undefined
  #poolTimer: NodeJS.Timeout | undefined
  #pool = { looks: 0, used: 0, waiting: 0 }
  #gcMs = 0
  #afterGc: Pick<ProcessSample, 'heapAfterGc' | 'externalAfterGc'> = {}
  #since = performance.now()
  #utilization = performance.eventLoopUtilization()
  #cpu = process.cpuUsage()
  #opened = 0

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#work = new WorkWatch(options.configuration.promisedP95)
    this.#gained = options.telemetry.metrics.deltas()
    this.#collections = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        this.#gcMs += entry.duration
        const { kind } = (entry as { detail?: { kind?: number } }).detail ?? {}
        if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) this.#afterGc = inUse()
      }
    })
  }

  start(): void {
    this.#removeSink = this.#options.telemetry.addSink(this.#work)
    this.#options.telemetry.statements.watch = this.#heat
    this.#loop.start()
    this.#collections.observe({ entryTypes: ['gc'] })
    this.#opened = this.#options.pool().opened
    this.#poolTimer = setInterval(() => {
      const { open, idle, waiting } = this.#options.pool()
      this.#pool.looks++
      this.#pool.used += open - idle
      this.#pool.waiting += waiting
    }, POOL_LOOK_MS).unref()
  }

  stop(): void {
    this.#removeSink?.()
    this.#options.telemetry.statements.watch = undefined
    this.#loop.stop()
    this.#collections.disconnect()
    clearInterval(this.#poolTimer)
  }

  take(): ProcessSample {
    const { telemetry, roles, configuration, sameHost } = this.#options
    const now = performance.now()
    const seconds = (now - this.#since) / 1000
    const utilization = performance.eventLoopUtilization()
    const cpu = process.cpuUsage(this.#cpu)
    const memory = process.memoryUsage()
    const sample: ProcessSample = {
      host: hostname(),
      roles,
      release: telemetry.version,
      startedAt: this.#startedAt,
      seconds,
      configuration: { ...configuration, databaseOnSameHost: sameHost },
      work: this.#work.take(),
      loop: {
        ...this.#loop.take(),
        utilization: performance.eventLoopUtilization(utilization, this.#utilization).utilization,
      },
      gcMs: this.#gcMs,
      cpuMs: (cpu.user + cpu.system) / 1000,
      rssBytes: memory.rss,
      heapBytes: memory.heapUsed,
      externalBytes: memory.external,
      ...this.#afterGc,
      heapLimit: getHeapStatistics().heap_size_limit,
      pool: this.#poolSample(),
      ...this.#counted(),
      heat: this.#heat.take(),
      machine: this.host.read(),
    }
    this.#since = now
    this.#utilization = utilization
    this.#cpu = process.cpuUsage()
    this.#gcMs = 0
    this.#afterGc = {}
    return sample
  }

  #poolSample(): ProcessSample['pool'] {
    const { looks, used, waiting } = this.#pool
    const { max, opened } = this.#options.pool()
    const before = this.#opened
    this.#opened = opened
    this.#pool = { looks: 0, used: 0, waiting: 0 }
    return { max, used: used / Math.max(1, looks), waiting: waiting / Math.max(1, looks), opened: opened - before }
  }

  #counted(): Pick<ProcessSample, 'statements' | 'waitedMs' | 'caches' | 'shed'> {
    const counted: Pick<ProcessSample, 'statements' | 'waitedMs' | 'caches' | 'shed'> = {
      statements: {},
      waitedMs: 0,
      caches: {},
      shed: 0,
    }
    for (const { name, labels, value, histogram } of this.#gained()) {
      if (name === 'db.client.operation.duration' && histogram)
        counted.statements[labels['module'] ?? ''] = [histogram.count, histogram.sum * 1000]
      else if (name === 'db.client.connection.wait_time' && histogram) counted.waitedMs += histogram.sum * 1000
      else if (name === 'tenfold.http.shed') counted.shed += value
      else if (name in CACHE_COUNTERS) {
        cacheOf(counted, labels)[CACHE_COUNTERS[name]!]! += value
      } else if (name === 'tenfold.cache.load.duration' && histogram) {
        cacheOf(counted, labels)[4]! += histogram.sum * 1000
      }
    }
    return counted
  }
}

/** Of the heap, with the buffers that it holds: who keeps those keeps memory as well. */
function inUse(): Pick<ProcessSample, 'heapAfterGc' | 'externalAfterGc'> {
  const { heapUsed, external } = process.memoryUsage()
  return { heapAfterGc: heapUsed + external, externalAfterGc: external }
}

function cacheOf({ caches }: Pick<ProcessSample, 'caches'>, labels: Readonly<Record<string, string>>) {
  return (caches[labels['cache'] ?? ''] ??= [0, 0, 0, 0, 0])
}

const CACHE_COUNTERS: Readonly<Record<string, 0 | 1 | 2 | 3>> = {
  'tenfold.cache.hits': 0,
  'tenfold.cache.misses': 1,
  'tenfold.cache.loads': 2,
  'tenfold.cache.evictions': 3,
}
