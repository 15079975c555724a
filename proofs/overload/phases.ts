/** What the load is told, and what it tells. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { pinned } from '../../bench/http/processes.ts'

export interface Phase {
  port: number
  ms: number
  /** Requests a second, whatever the answers; with `lanes`, as many as are answered. */
  perSecond: number
  lanes: number
  /** Answers that come later are worth nothing. */
  patienceMs: number
  paths: { path: string; share: number }[]
}

export interface Outcome {
  paths: Record<string, Counts>
  /** For each quarter of a second the slowest good answer, in milliseconds, and how many were turned away. */
  slowest: number[]
  refused: number[]
}

export interface Counts {
  sent: number
  good: number
  refused: number
  /** No answer while somebody waited for it. */
  late: number
  /** Cut connections, other answers. */
  failed: number
  /** Latencies of the good ones. */
  ms: number[]
}

export interface Loader {
  run(phase: Phase): Promise<Outcome>
  stop(): Promise<void>
}

export async function startLoader(): Promise<Loader> {
  const program = fileURLToPath(new URL('./load.program.ts', import.meta.url))
  const [command, ...args] = [...(pinned ? ['taskset', '-c', '1'] : []), process.execPath, program]
  const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async run(phase) {
      child.stdin.write(`${JSON.stringify(phase)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('the load generator ended')
      return JSON.parse(value) as Outcome
    },
    async stop() {
      child.stdin.end()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}
