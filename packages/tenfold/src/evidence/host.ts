/** The machine and its processes, as Linux tells of them; elsewhere little is known, and little is said. */
import { readdirSync, readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, freemem, totalmem } from 'node:os'

export interface HostSample {
  cores: number
  busy: number
  steal: number
  iowait: number
  throttled: number
  /** Absent where this process does not know, or not for all of the time, which processes are the server's. */
  postgres?: number
  memoryBytes: number
  memoryFree: number
  pressure?: { cpu: number; io: number; memory: number }
  diskFree?: number
  diskFreeBytes?: number
  network?: NetworkSample
}

/** In a second, without what the machine says to itself; of the segments of TCP, the share that was sent again. */
interface NetworkSample {
  receivedBytes: number
  sentBytes: number
  sentAgain: number
}

interface Counts {
  atMs: number
  total: number
  busy: number
  steal: number
  iowait: number
  throttledUs: number
  /** Clock ticks of the server's processes. */
  postgres: number | undefined
  network: { received: number; sent: number; segments: number; again: number } | undefined
}

/** Ticks of the kernel's clock in a second: 100 on all of Linux that Node.js runs on (`getconf CLK_TCK`). */
const TICKS = 100

/** Reads the machine; each reading covers the time since the last one. */
export class HostWatch {
  /** The server's first process, when it runs on this machine. */
  postmaster: number | undefined
  #before: Counts = counts(undefined)

  read(): HostSample {
    const before = this.#before
    const now = (this.#before = counts(this.postmaster))
    const cores = availableParallelism()
    const total = Math.max(1, now.total - before.total)
    const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000)
    const share = (key: 'busy' | 'steal' | 'iowait'): number => Math.max(0, now[key] - before[key]) / total
    const ticks = [before.postgres, now.postgres] as const
    return {
      cores,
      busy: share('busy'),
      steal: share('steal'),
      iowait: share('iowait'),
      throttled: Math.min(1, (now.throttledUs - before.throttledUs) / 1e6 / seconds),
      ...(ticks[0] !== undefined &&
        ticks[1] !== undefined && { postgres: Math.max(0, ticks[1] - ticks[0]) / TICKS / seconds }),
      ...memory(),
      ...pressure(),
      ...disk(),
      ...networkBetween(before, now, seconds),
    }
  }
}

function counts(postmaster: number | undefined): Counts {
  const fields = (/^cpu +(.*)$/m.exec(read('/proc/stat'))?.[1] ?? '').split(' ').map(Number)
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, soft = 0, steal = 0] = fields
  const busy = user + nice + system + irq + soft
  return {
    atMs: performance.now(),
    total: busy + idle + iowait + steal,
    busy,
    steal,
    iowait,
    throttledUs: throttledUs(),
    postgres: postmaster === undefined ? undefined : postgresTicks(postmaster),
    network: networkCounts(),
  }
}

/** Held back by a limit of the processors: of the control group that this process is in, in the newer form and in the older one.
 *  In a container the group may be seen as the root of its own tree. */
function throttledUs(): number {
  const groups = read('/proc/self/cgroup')
    .split('\n')
    .map((line) => line.split(':'))
  const own = groups.find(([, kinds]) => kinds === '')?.[2] ?? '/'
  const older = groups.find(([, kinds = '']) => kinds.split(',').includes('cpu'))?.[2] ?? '/'
  const places = [`/sys/fs/cgroup${own}`, `/sys/fs/cgroup/cpu${older}`, '/sys/fs/cgroup', '/sys/fs/cgroup/cpu']
  for (const place of places) {
    const [, unit, time] = /throttled_(usec|time) (\d+)/.exec(read(`${place}/cpu.stat`)) ?? []
    if (time !== undefined) return unit === 'usec' ? Number(time) : Number(time) / 1000
  }
  return 0
}

/** Of the server and its children, those included that have ended. */
function postgresTicks(postmaster: number): number {
  let ticks = 0
  try {
    for (const pid of readdirSync('/proc')) {
      if (pid.charCodeAt(0) > 57) continue
      const stat = read(`/proc/${pid}/stat`)
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number)
      if (Number(pid) === postmaster) ticks += fields[11]! + fields[12]! + fields[13]! + fields[14]!
      else if (fields[1] === postmaster) ticks += fields[11]! + fields[12]!
    }
  } catch {
    // Not Linux.
  }
  return ticks
}

/** The parent of a process of this machine, if its name is that of a database server. */
export function postmasterOf(backend: number): number | undefined {
  const stat = read(`/proc/${backend}/stat`)
  if (!/\((?:postgres|postmaster)\)/.test(stat)) return undefined
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) || undefined
}

function pressure(): Pick<HostSample, 'pressure'> {
  const of = (what: string): number | undefined => {
    const found = /^some avg10=([\d.]+)/m.exec(read(`/proc/pressure/${what}`))?.[1]
    return found === undefined ? undefined : Number(found) / 100
  }
  const [cpu, io, memory] = [of('cpu'), of('io'), of('memory')]
  return cpu === undefined ? {} : { pressure: { cpu, io: io ?? 0, memory: memory ?? 0 } }
}

/** Of the container where that has a limit, else of the machine. */
function memory(): Pick<HostSample, 'memoryBytes' | 'memoryFree'> {
  const limit = process.constrainedMemory()
  if (limit > 0 && limit < totalmem()) return { memoryBytes: limit, memoryFree: process.availableMemory() }
  const kilobytes = /^MemAvailable: +(\d+)/m.exec(read('/proc/meminfo'))?.[1]
  return { memoryBytes: totalmem(), memoryFree: kilobytes === undefined ? freemem() : Number(kilobytes) * 1024 }
}

/** Interfaces but the loopback, and TCP as a whole. */
function networkCounts(): Counts['network'] {
  const rows = [...read('/proc/net/dev').matchAll(/^ *([^\s:]+): *(.+)$/gm)].filter(([, name]) => name !== 'lo')
  const [names = '', values = ''] = read('/proc/net/snmp').match(/^Tcp: .+$/gm) ?? []
  if (rows.length === 0 || values === '') return undefined
  const sum = (column: number): number =>
    rows.reduce((total, [, , fields = '']) => total + Number(fields.trim().split(/ +/)[column]), 0)
  const tcp = (name: string): number => Number(values.split(' ')[names.split(' ').indexOf(name)])
  return { received: sum(0), sent: sum(8), segments: tcp('OutSegs'), again: tcp('RetransSegs') }
}

function networkBetween(
  { network: before }: Counts,
  { network: now }: Counts,
  seconds: number,
): Pick<HostSample, 'network'> {
  if (!before || !now) return {}
  const gained = (key: keyof typeof now): number => Math.max(0, now[key] - before[key])
  return {
    network: {
      receivedBytes: gained('received') / seconds,
      sentBytes: gained('sent') / seconds,
      sentAgain: gained('again') / Math.max(1, gained('segments')),
    },
  }
}

function disk(): Pick<HostSample, 'diskFree' | 'diskFreeBytes'> {
  try {
    const { bavail, blocks, bsize } = statfsSync('.')
    return { diskFree: bavail / Math.max(1, blocks), diskFreeBytes: bavail * bsize }
  } catch {
    return {}
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
