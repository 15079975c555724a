/** CPU time of processes on this machine, out of /proc; undefined where there is none. */
import { readdirSync, readFileSync } from 'node:fs'

/** Ticks of /proc are hundredths of a second on every Linux that Node.js runs on. */
const TICKS = 100

interface Stat {
  parent: number
  /** Seconds of its own, and of its children that have ended. */
  own: number
  ended: number
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may hold anything, so count from its end: fields 4, 14 to 17 of proc(5).
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    return { parent: fields[1]!, own: (fields[11]! + fields[12]!) / TICKS, ended: (fields[13]! + fields[14]!) / TICKS }
  } catch {
    return undefined
  }
}

/** CPU seconds that a process has used. */
export function cpuSecondsOf(pid: number): number | undefined {
  return statOf(pid)?.own
}

/** CPU seconds of a process that forks others, such as Postgres: its own, its children's, and those of children that ended. */
export function cpuSecondsOfFamily(pid: number): number | undefined {
  const self = statOf(pid)
  if (!self) return undefined
  let sum = self.own + self.ended
  for (const name of readdirSync('/proc')) {
    const other = /^\d+$/.test(name) ? statOf(Number(name)) : undefined
    if (other?.parent === pid) sum += other.own + other.ended
  }
  return sum
}

export function parentOf(pid: number): number | undefined {
  return statOf(pid)?.parent
}

/** CPU seconds that all cores of this machine were busy since it started, and those that a hypervisor took away. */
export function machineCpuSeconds(): { busy: number; stolen: number } | undefined {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1)
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number)
    return { busy: (user + nice + system + irq + softirq) / TICKS, stolen: steal / TICKS }
  } catch {
    return undefined
  }
}
