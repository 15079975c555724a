/** Kills, pauses and cuts at random moments, from a seed. One instance at least is left alone at any time. */
import type { ChildProcess } from 'node:child_process'
import type { Crew } from '../jobs/crew.ts'
import type { Random } from '../jobs/random.ts'
import type { Line } from '../../stages/line.ts'

/** Something that was done to a process, or to a line and all who use it. */
export interface Fault {
  kind: 'killed' | 'paused' | 'cut'
  pid?: number
  line?: number
  from: number
  to: number
}

export interface ChaosOptions {
  crew: Crew
  lines: readonly Line[]
  random: Random
  untilMs: number
  signal: AbortSignal
}

const LONGEST_MS = 6000

export async function wreak({ crew, lines, random, untilMs, signal }: ChaosOptions): Promise<Fault[]> {
  const faults: Fault[] = []
  const paused = new Set<ChildProcess>()
  const cut = new Set<number>()
  const lasting: Promise<void>[] = []

  const pause = async (child: ChildProcess): Promise<void> => {
    const from = Date.now()
    paused.add(child)
    child.kill('SIGSTOP')
    await sleep(random.whole(1500, LONGEST_MS))
    child.kill('SIGCONT')
    paused.delete(child)
    faults.push({ kind: 'paused', pid: child.pid!, from, to: Date.now() })
  }
  const cutLine = async (line: number): Promise<void> => {
    const from = Date.now()
    cut.add(line)
    lines[line]!.cut()
    await sleep(random.whole(1500, LONGEST_MS))
    lines[line]!.mend()
    cut.delete(line)
    faults.push({ kind: 'cut', line, from, to: Date.now() })
  }

  while (Date.now() < untilMs) {
    if (signal.aborted) throw signal.reason
    await sleep(random.whole(200, 900))
    const free = crew.ready().filter((child) => !paused.has(child))
    if (free.length - 2 * cut.size < 2) continue // two processes may share a line
    const kind = random.pick(['killed', 'paused', 'cut'] as const)
    if (kind === 'killed') {
      const { pid, at } = await crew.kill(random.pick(free))
      faults.push({ kind, pid, from: at, to: at })
    } else if (kind === 'paused') lasting.push(pause(random.pick(free)))
    else if (cut.size === 0) lasting.push(cutLine(random.whole(0, lines.length - 1)))
  }
  await Promise.all(lasting)
  return faults
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
