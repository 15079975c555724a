/** What the process has used, what it may use, and how the machine below it does, by OpenTelemetry's names.
 *  https://opentelemetry.io/docs/specs/semconv/system/ */
import { readdirSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { cpus, freemem, loadavg, totalmem } from 'node:os'
import type { Metrics } from './telemetry.ts'

const DISK_EVERY_MS = 30_000

/** Returns the way to stop measuring. */
export function observeHost(metrics: Metrics): () => void {
  observeProcess(metrics)
  metrics.observe('system.cpu.logical.count', { help: 'CPUs of the machine.', unit: '{cpu}' }, () => cpus().length)
  metrics.observe(
    'system.cpu.time',
    { help: 'CPU time of the machine, over all CPUs.', unit: 's' },
    () => {
      const totals: Record<string, number> = {}
      for (const { times } of cpus())
        for (const [mode, ms] of Object.entries(times)) totals[mode] = (totals[mode] ?? 0) + ms
      return Object.entries(totals).map(([mode, ms]) => ({ value: ms / 1000, labels: { 'cpu.mode': mode } }))
    },
    'counter',
  )
  let before = cpuTimes()
  let utilization = 0
  metrics.observe('system.cpu.utilization', { help: 'Share of the CPU time in use.', unit: '1' }, () => {
    const now = cpuTimes()
    const all = now.all - before.all
    // Two readings of the same moment would say nothing.
    if (all < 100) return utilization
    utilization = 1 - (now.idle - before.idle) / all
    before = now
    return utilization
  })
  metrics.observe(
    'system.cpu.load_average.1m',
    { help: 'Processes that run or wait to run, over the last minute.', unit: '{thread}' },
    () => loadavg()[0] ?? 0,
  )
  metrics.observe('system.memory.limit', { help: 'Memory of the machine.', unit: 'By' }, () => totalmem())
  metrics.observe('system.memory.utilization', { help: 'Share of the memory in use.', unit: '1' }, () => {
    return 1 - freemem() / totalmem()
  })
  return observeDisk(metrics)
}

/** In milliseconds, over all CPUs. */
function cpuTimes(): { idle: number; all: number } {
  const times = cpus().map((cpu) => cpu.times)
  const idle = times.reduce((sum, one) => sum + one.idle, 0)
  return { idle, all: times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, idle) }
}

function observeProcess(metrics: Metrics): void {
  metrics.observe(
    'process.cpu.time',
    { help: 'CPU time that the process has used.', unit: 's' },
    () => {
      const { user, system } = process.cpuUsage()
      return [
        { value: user / 1e6, labels: { 'cpu.mode': 'user' } },
        { value: system / 1e6, labels: { 'cpu.mode': 'system' } },
      ]
    },
    'counter',
  )
  metrics.observe('process.uptime', { help: 'How long the process has run.', unit: 's' }, () => process.uptime())
  metrics.observe('process.open_file_descriptor.count', { help: 'Open files.', unit: '{count}' }, () =>
    process.platform === 'linux' ? readdirSync('/proc/self/fd').length : [],
  )
  const most = openFileLimit()
  metrics.observe('process.memory.utilization', { help: 'Share of it that the process uses.', unit: '1' }, () => {
    return process.memoryUsage.rss() / memoryLimit()
  })
  metrics.observe('process.memory.limit', { help: 'Memory that the process may use.', unit: 'By' }, memoryLimit)
  if (most !== undefined)
    metrics.observe('process.open_file_descriptor.limit', { help: 'Most open files.', unit: '{count}' }, () => most)
}

/** Of the container, where there is one; else of the machine. */
function memoryLimit(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem()
}

function openFileLimit(): number | undefined {
  try {
    const most = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return most === undefined ? undefined : Number(most)
  } catch {
    return undefined
  }
}

/** Whether a disk fills, from how much of it was used every five minutes of the last six hours: the median of the slopes
 *  between all pairs (Theil and Sen), which one large file that comes and goes does not bend. */
export class DiskForecast {
  readonly #points: { atMs: number; used: number }[] = []

  add(atMs: number, used: number): void {
    const last = this.#points.at(-1)
    if (last && atMs - last.atMs < FORECAST_EVERY_MS) return
    this.#points.push({ atMs, used })
    if (this.#points.length > FORECAST_POINTS) this.#points.shift()
  }

  /** Hours until `size` is used; undefined with less than an hour of points, and when it does not grow. */
  fullIn(size: number): number | undefined {
    const points = this.#points
    if (points.length < FORECAST_LEAST) return undefined
    const slopes = points.flatMap((from, i) =>
      points.slice(i + 1).map((to) => (to.used - from.used) / (to.atMs - from.atMs)),
    )
    const slope = slopes.sort((a, b) => a - b)[slopes.length >> 1]!
    if (slope <= 0) return undefined
    return Math.max(0, size - points.at(-1)!.used) / slope / 3_600_000
  }
}

const FORECAST_EVERY_MS = 5 * 60_000
const FORECAST_POINTS = 72
const FORECAST_LEAST = 12

/** Of the disk that the process works on. Asked in the background, since a disk of the network may not answer. */
function observeDisk(metrics: Metrics): () => void {
  let disk: { used: number; size: number } | undefined
  const forecast = new DiskForecast()
  let asking = false
  const ask = async (): Promise<void> => {
    if (asking) return
    asking = true
    try {
      const { bsize, blocks, bfree, bavail } = await statfs(process.cwd())
      // As `df` counts: what is kept for root counts neither as free nor as part of the size.
      const used = (blocks - bfree) * bsize
      disk = { used, size: used + bavail * bsize }
      forecast.add(performance.now(), used)
    } catch {
      disk = undefined
    }
    asking = false
  }
  void ask()
  const timer = setInterval(() => void ask(), DISK_EVERY_MS)
  timer.unref()
  metrics.observe('system.filesystem.utilization', { help: 'Share of the disk in use.', unit: '1' }, () =>
    disk && disk.size > 0 ? disk.used / disk.size : [],
  )
  metrics.observe('system.filesystem.limit', { help: 'Size of the disk.', unit: 'By' }, () => disk?.size ?? [])
  metrics.observe(
    'tenfold.disk.full_in',
    { help: 'When the disk is full, if it fills as it did.', unit: '{hour}' },
    () => {
      return (disk && forecast.fullIn(disk.size)) ?? []
    },
  )
  return () => clearInterval(timer)
}
