/** A generator process: told what to do over the channel to its parent, one stage at a time. */
import { performance } from 'node:perf_hooks'
import { messageOf, toMs } from '../../kernel/index.ts'
import type { PlainRequest, Scenario } from '../load.ts'
import { scenarioOf } from '../scenario.ts'
import { runStage, type Task } from './stage.ts'
import { Counts, type Tally } from './tally.ts'
import { seeded } from './timetable.ts'
import { type Connection, createVisitor, openConnection } from './visitor.ts'

export interface Setup {
  url: string
  /** The file of the scenario, or the requests themselves. */
  file?: string
  requests?: PlainRequest[]
  seed: number
  process: number
}

export type ToGenerator = { setup: Setup } | { task: Task } | { stop: true }
export type FromGenerator =
  | { ready: true }
  | { tally: Tally }
  | { done: { utilization: number; cpuSeconds: number } }
  | { failed: string }

interface Ready {
  scenario: Scenario
  connection: Connection
  data: unknown
}

const say = (message: FromGenerator): void => void process.send?.(message)

async function prepare({ url, file, requests, seed, process: number }: Setup): Promise<Ready> {
  const scenario = await scenarioOf(file, requests)
  const timeoutMs = toMs(scenario.timeout ?? '10s')
  const connection = openConnection({ url, headers: scenario.headers ?? {}, timeoutMs })
  const of = { number, data: undefined, random: seeded(seed + number), dueAt: performance.now() }
  const visitor = createVisitor(connection, () => new Counts(), { ...of, waiting: new Set() })
  return { scenario, connection, data: await scenario.setup?.(visitor) }
}

async function perform(task: Task, { scenario, connection, data }: Ready): Promise<void> {
  const cpu = process.cpuUsage()
  const loop = performance.eventLoopUtilization()
  await runStage(task, scenario, connection, data, (tally) => say({ tally }))
  const used = process.cpuUsage(cpu)
  const { utilization } = performance.eventLoopUtilization(loop)
  say({ done: { utilization, cpuSeconds: (used.user + used.system) / 1e6 } })
}

function main(): void {
  let ready: Ready | undefined
  const fail = (error: unknown): void => say({ failed: messageOf(error) })
  process.on('message', (message: ToGenerator) => {
    if ('stop' in message) process.exit()
    else if ('task' in message) void perform(message.task, ready!).catch(fail)
    else {
      void prepare(message.setup).then((made) => {
        ready = made
        say({ ready: true })
      }, fail)
    }
  })
  process.on('disconnect', () => process.exit())
  // Ctrl-C reaches all of the terminal's processes: the parent decides what is measured still.
  process.on('SIGINT', () => {})
}

main()
