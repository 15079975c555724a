/** What the contract suite needs of a backend, and small tools for its tests. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import type { SqlTransaction } from '../../database/index.ts'
import type { Service } from '../../kernel/index.ts'
import type { JobHandler, JobWork, Queue, RunningJob, WorkOptions } from '../queue.ts'

export interface QueueBackend {
  /** The same queue as seen by another process each time. */
  open(options?: { listen?: boolean; maxPayloadBytes?: number; secrets?: readonly string[] }): Queue
  /** A transaction of a module, which has no rights on the queue's own tables. */
  transaction<T>(fn: (tx: SqlTransaction) => Promise<T>): Promise<T>
  /** A process of its own with a worker for `test.sleep`, whose jobs take `{ ms }` each. Told on its standard output: `began <id>`. */
  spawnWorker(options: { concurrency: number; leaseMs: number }): Promise<ChildProcess>
  close(): Promise<void>
}

/** Notes what ran, in order. */
export function recorder(run: (job: RunningJob) => Promise<unknown> = async () => {}): {
  handler: JobHandler
  runs: RunningJob[]
} {
  const runs: RunningJob[] = []
  return {
    runs,
    handler: async (job) => {
      runs.push(job)
      return run(job)
    },
  }
}

/** Runs a worker for as long as `fn` takes. */
export async function withWorker<T>(
  queue: Queue,
  handlers: Record<string, JobHandler | JobWork>,
  fn: (worker: Service) => Promise<T>,
  options: Omit<WorkOptions, 'handlers'> = {},
): Promise<T> {
  const worker = queue.work({ handlers: new Map(Object.entries(handlers)), stopTimeoutMs: 2000, ...options })
  await worker.start()
  let stopped: Promise<void> | undefined
  try {
    return await fn({ ...worker, stop: () => (stopped ??= worker.stop()) })
  } finally {
    await (stopped ??= worker.stop())
  }
}

export async function until(what: string, check: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await check())) {
    assert.ok(Date.now() < deadline, `waited ${ms} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Waits until something that must not happen has had its chance. */
export function quiet(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A promise to be settled from outside. */
export function gate(): { open: () => void; opened: Promise<void> } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}
