/** The generator processes, seen from the parent. */
import { fork, type ChildProcess } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GeneratorFailed } from '../errors.ts'
import type { FromGenerator, Setup, ToGenerator } from './main.ts'
import type { Task } from './stage.ts'
import type { Tally } from './tally.ts'

export interface StageWork {
  utilization: number
  cpuSeconds: number
}

export interface Fleet {
  readonly processes: number
  /** Divides the work among the processes; resolves when all are done, to the busiest one's utilization and the sum of CPU. */
  run(work: Omit<Task, 'process' | 'processes' | 'room'>, onTally: (tally: Tally) => void): Promise<StageWork>
  stop(): void
}

const ROOM = 4000

export async function startFleet(processes: number, setup: Omit<Setup, 'process'>): Promise<Fleet> {
  const program = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url))
  const children = Array.from({ length: processes }, () => fork(program, { serialization: 'json', execArgv: [] }))
  const stop = (): void => {
    for (const child of children) if (child.connected) child.send({ stop: true } satisfies ToGenerator)
  }
  try {
    await Promise.all(
      children.map(async (child, process) => {
        const ready = until(child, (message) => 'ready' in message)
        child.send({ setup: { ...setup, process } } satisfies ToGenerator)
        await ready
      }),
    )
  } catch (error) {
    stop()
    throw error
  }

  return {
    processes,
    stop,
    async run({ from, to, users, ...rest }, onTally) {
      const done = await Promise.all(
        children.map(async (child, process) => {
          const own = Math.floor(users / processes) + (process < users % processes ? 1 : 0)
          if (users > 0 && own === 0) return { utilization: 0, cpuSeconds: 0 }
          const ended = until(child, (message) => {
            if ('tally' in message) onTally(message.tally)
            return 'done' in message
          })
          const share = { from: from / processes, to: to / processes, users: own }
          child.send({
            task: { ...rest, ...share, process, processes, room: Math.ceil(ROOM / processes) },
          } satisfies ToGenerator)
          return ((await ended) as { done: StageWork }).done
        }),
      )
      return {
        utilization: Math.max(...done.map(({ utilization }) => utilization)),
        cpuSeconds: done.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      }
    },
  }
}

/** The first message that `wanted` is true for. Rejects when the process says that it failed, or ends. */
function until(child: ChildProcess, wanted: (message: FromGenerator) => boolean): Promise<FromGenerator> {
  return new Promise((resolve, reject) => {
    const leave = (): void => void child.off('message', hear).off('exit', ended)
    const hear = (message: FromGenerator): void => {
      if ('failed' in message) {
        leave()
        reject(GeneratorFailed({ reason: message.failed }))
      } else if (wanted(message)) {
        leave()
        resolve(message)
      }
    }
    const ended = (code: number | null): void => {
      leave()
      reject(GeneratorFailed({ reason: `it ended with ${code ?? 'a signal'}` }))
    }
    child.on('message', hear).once('exit', ended)
  })
}
