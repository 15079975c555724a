/** CPU time from /proc: of processes and their children, and of the whole machine. In ms. */
import { readdirSync, readFileSync } from 'node:fs'

const TICK_MS = 10

interface Stat {
  pid: number
  parent: number
  ms: number
}

function statOf(pid: string | number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // With what children used that have ended: connections come and go.
    const ms = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS
    return { pid: Number(pid), parent: Number(fields[1]), ms }
  } catch {
    return undefined
  }
}

/** Of a process and its children. */
export function cpuOf(pid: number): number {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (statOf(name) ?? []) : []))
  return all.filter((one) => one.pid === pid || one.parent === pid).reduce((sum, one) => sum + one.ms, 0)
}

/** Of everything on the machine. */
export function cpuOfMachine(): number {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]!
    .split(/\s+/)
    .slice(1)
  return [user, nice, system, irq, softirq].reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS
}
