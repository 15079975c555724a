/** Runs one stage in this process. */
import type { Flow, Scenario } from '../load.ts'
import { Counts, type Tally } from './tally.ts'
import { arrivals, seeded } from './timetable.ts'
import { type Connection, createVisitor, isCounted } from './visitor.ts'

/** What the parent asks of one process. Rates and users are this process's share. */
export interface Task {
  from: number
  to: number
  /** 0 for an open stage. */
  users: number
  ms: number
  poisson: boolean
  seed: number
  /** Which of how many processes this is. */
  process: number
  processes: number
  /** The first visitor's number. */
  first: number
  /** At most so many visitors at once. */
  room: number
}

const TICK_MS = 1

export async function runStage(
  task: Task,
  scenario: Scenario,
  connection: Connection,
  data: unknown,
  report: (tally: Tally) => void,
): Promise<void> {
  const random = seeded(task.seed * 31 + task.process)
  const choose = chooser(scenario, random)
  const waiting = new Set<AbortController>()
  const started = performance.now()
  const end = started + task.ms
  let counts = new Counts()
  let second = 0
  let number = 0
  let underWay = 0
  let changedAt = started
  const current = (): Counts => counts

  /** Keeps the sum of visitors under way over time; called before the number changes. */
  const account = (): void => {
    const now = Math.min(performance.now(), end)
    if (now > changedAt) counts.underWayMs += underWay * (now - changedAt)
    changedAt = Math.max(changedAt, now)
  }
  const turn = (): void => {
    account()
    report(counts.tally(second))
    counts = new Counts()
    second = Math.floor((performance.now() - started) / 1000)
  }

  const visit = async (dueAt: number): Promise<void> => {
    account()
    underWay++
    const id = task.first + number++ * task.processes + task.process
    const visitor = createVisitor(connection, current, { number: id, data, random, dueAt, waiting })
    try {
      await choose()(visitor)
      if (performance.now() <= end) counts.completed++
    } catch (error) {
      if (!isCounted(error)) counts.failed(`flow: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      account()
      underWay--
    }
  }

  const visits = new Set<Promise<void>>()
  const begin = (dueAt: number): void => {
    const visiting = visit(dueAt).finally(() => visits.delete(visiting))
    visits.add(visiting)
  }
  const untilNextSecond = (now: number): boolean => Math.floor((now - started) / 1000) > second

  if (task.users > 0) {
    const loop = async (): Promise<void> => {
      while (performance.now() < end) {
        counts.due++
        await visit(performance.now())
      }
    }
    const users = Array.from({ length: task.users }, loop)
    const everybody = Promise.all(users)
    while (performance.now() < end) {
      await sleep(Math.min(50, Math.max(1, end - performance.now())))
      if (untilNextSecond(performance.now())) turn()
    }
    await withPatience(everybody, connection.timeoutMs, waiting)
  } else {
    const timetable = arrivals(task, random)
    let next = timetable.next()
    while (!next.done || performance.now() < end) {
      const now = performance.now()
      if (untilNextSecond(now)) turn()
      while (!next.done && started + next.value <= now) {
        const dueAt = started + next.value
        counts.due++
        counts.lag.record(now - dueAt)
        if (underWay >= task.room) {
          counts.noRoom++
          counts.failed('no room in the generator')
        } else begin(dueAt)
        next = timetable.next()
      }
      await sleep(TICK_MS)
    }
    await withPatience(Promise.all(visits), connection.timeoutMs, waiting)
  }
  turn()
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Lets those who came in time end; after the time that anybody waits, what is left is given up and counts as a timeout. */
async function withPatience(work: Promise<unknown>, ms: number, waiting: Set<AbortController>): Promise<void> {
  const timer = setTimeout(() => waiting.forEach((one) => one.abort()), ms)
  await work
  clearTimeout(timer)
}

function chooser({ flows }: Scenario, random: () => number): () => Flow {
  const all = Object.values(flows).map((flow) =>
    typeof flow === 'function' ? { weight: 1, run: flow } : { weight: flow.weight ?? 1, run: flow.run },
  )
  const total = all.reduce((sum, { weight }) => sum + weight, 0)
  return () => {
    let at = random() * total
    for (const { weight, run } of all) if ((at -= weight) < 0) return run
    return all.at(-1)!.run
  }
}
