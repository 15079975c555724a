import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../kernel/index.ts'
import type { Metrics } from './telemetry.ts'

/** How this process did since the last reading. */
export interface RuntimeSample {
  /** Of one core: 250 is two and a half cores busy. */
  cpuPercent: number
  memoryBytes: number
  /** 0 to 1: the share of the time in which the event loop was not waiting. */
  eventLoopUtilization: number
  /** Milliseconds by which timers ran late. */
  eventLoopDelayP50: number
  eventLoopDelayP99: number
  eventLoopDelayMax: number
}

export interface RuntimeReader {
  read(): RuntimeSample
  close(): void
}

const HEAP_LIMIT = getHeapStatistics().heap_size_limit
const DELAY_RESOLUTION_MS = 10

/** Reads the runtime's own counters; each reader measures from its own last reading. */
export function createRuntimeReader(clock: Clock): RuntimeReader {
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  delay.enable()
  let loop: ReturnType<typeof performance.eventLoopUtilization> | undefined
  // The first reading is over the whole life of the process: a few milliseconds would say nothing.
  let cpu: NodeJS.CpuUsage | undefined
  let at = clock.elapsed() - process.uptime() * 1000
  // The histogram holds the whole time between two ticks, and nothing at all before the first.
  const late = (nanoseconds: number): number =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e6 - DELAY_RESOLUTION_MS) : 0

  return {
    read() {
      const now = clock.elapsed()
      const used = process.cpuUsage(cpu)
      const current = performance.eventLoopUtilization()
      const sample: RuntimeSample = {
        cpuPercent: now > at ? (used.user + used.system) / 10 / (now - at) : 0,
        memoryBytes: process.memoryUsage.rss(),
        eventLoopUtilization: loop ? performance.eventLoopUtilization(current, loop).utilization : current.utilization,
        eventLoopDelayP50: late(delay.percentile(50)),
        eventLoopDelayP99: late(delay.percentile(99)),
        eventLoopDelayMax: delay.count > 0 ? late(delay.max) : 0,
      }
      delay.reset()
      loop = current
      cpu = process.cpuUsage()
      at = now
      return sample
    },
    close: () => delay.disable(),
  }
}

const GC_KINDS: Record<number, string> = { 1: 'minor', 4: 'major', 8: 'incremental', 16: 'weakcb' }

/** Registers the runtime's metrics, by OpenTelemetry's names. Returns the way to stop measuring. */
export function observeRuntime(metrics: Metrics, clock: Clock): () => void {
  const reader = createRuntimeReader(clock)
  let sample = reader.read()
  let readAt = clock.elapsed()
  // All metrics of one collection come out of one reading.
  const fresh = (): RuntimeSample => {
    if (clock.elapsed() - readAt >= 1000) {
      readAt = clock.elapsed()
      sample = reader.read()
    }
    return sample
  }
  metrics.observe(
    'nodejs.eventloop.utilization',
    { help: 'Share of the time in which the event loop was busy.', unit: '1' },
    () => fresh().eventLoopUtilization,
  )
  metrics.observe(
    'nodejs.eventloop.delay.p50',
    { help: 'Median delay of the event loop.', unit: 's' },
    () => fresh().eventLoopDelayP50 / 1000,
  )
  metrics.observe(
    'nodejs.eventloop.delay.p99',
    { help: '99th percentile of the delay of the event loop.', unit: 's' },
    () => fresh().eventLoopDelayP99 / 1000,
  )
  metrics.observe(
    'nodejs.eventloop.delay.max',
    { help: 'Longest delay of the event loop.', unit: 's' },
    () => fresh().eventLoopDelayMax / 1000,
  )
  metrics.observe(
    'process.cpu.utilization',
    { help: 'CPU time used, in cores.', unit: '1' },
    () => fresh().cpuPercent / 100,
  )
  metrics.observe(
    'process.memory.usage',
    { help: 'Resident memory of the process.', unit: 'By' },
    () => fresh().memoryBytes,
  )
  metrics.observe('v8js.memory.heap.limit', { help: 'Most heap that may be in use.', unit: 'By' }, () => HEAP_LIMIT)
  metrics.observe('v8js.memory.heap.used', { help: 'Heap in use.', unit: 'By' }, () => process.memoryUsage().heapUsed)

  const gc = metrics.histogram('v8js.gc.duration', { help: 'Time spent in garbage collection.', unit: 's' })
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind = (entry as { detail?: { kind?: number } }).detail?.kind
      gc.record(entry.duration / 1000, { 'v8js.gc.type': GC_KINDS[kind ?? 0] ?? 'other' })
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => {
    observer.disconnect()
    reader.close()
  }
}
