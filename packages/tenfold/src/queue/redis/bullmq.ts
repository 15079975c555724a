/** What we use of BullMQ; structural, so that its types stay out of ours. */
import type { RedisClient } from '../../redis/index.ts'

export interface Bull {
  Queue: new (name: string, options: BullQueueOptions) => BullQueue
  Worker: new (name: string, run: BullProcessor, options: BullWorkerOptions) => BullWorker
  /** Thrown by a run whose job was given back. */
  WaitingError: new () => Error
  /** Thrown by a run whose job was put off. */
  DelayedError: new () => Error
}

export interface BullJobOptions {
  jobId: string
  attempts: number
  backoff: { type: string }
  priority: number
  delay?: number
  deduplication?: { id: string }
  removeOnComplete: true | { age: number; count: number }
  removeOnFail: false
}

export interface BullQueueOptions {
  connection: RedisClient
  prefix: string
  /** Events are for those who watch BullMQ; we do not, so few are kept. */
  streams: { events: { maxLen: number } }
  /** Of the check for lost workers, which is made through a queue. */
  stalledInterval: number
  maxStalledCount: number
}

/** How far a job is, as BullMQ names it. */
export type BullState = 'wait' | 'paused' | 'prioritized' | 'active' | 'delayed' | 'completed' | 'failed'

export interface BullQueue {
  add(name: string, data: unknown, options: BullJobOptions): Promise<{ id?: string }>
  addBulk(jobs: { name: string; data: unknown; opts: BullJobOptions }[]): Promise<{ id?: string }[]>
  getJob(id: string): Promise<BullJob | undefined>
  getRanges(states: BullState[], start: number, end: number, ascending: boolean): Promise<string[]>
  getJobCounts(...states: BullState[]): Promise<Record<string, number>>
  getDeduplicationJobId(id: string): Promise<string | null>
  getBackend(): { moveStalledJobsToWait(): Promise<string[]> }
  on(event: 'error', listener: (error: Error) => void): unknown
  /** For all workers, now and after any restart. */
  pause(): Promise<void>
  resume(): Promise<void>
  close(): Promise<void>
}

export interface BullJob {
  id?: string
  data: unknown
  opts: { attempts?: number; delay?: number }
  delay: number
  priority: number
  timestamp: number
  attemptsMade: number
  /** How many workers died with it. */
  stalledCounter: number
  /** It will be failed by the next worker that takes it, with this reason. */
  deferredFailure?: string
  deduplicationId?: string
  processedOn?: number
  finishedOn?: number
  processedBy?: string
  progress: unknown
  returnvalue: unknown
  failedReason?: string
  stacktrace: string[] | null
  getState(): Promise<string>
  updateProgress(progress: number): Promise<void>
  updateData(data: unknown): Promise<void>
  /** If this job holds it. */
  removeDeduplicationKey(): Promise<boolean>
  /** Costs no attempt. */
  moveToDelayed(timestamp: number, token?: string): Promise<void>
  moveToWait(token?: string): Promise<number>
  retry(state: 'failed', options: { resetAttemptsMade: boolean }): Promise<void>
  promote(): Promise<void>
  remove(): Promise<void>
}

export type BullProcessor = (job: BullJob, token?: string) => Promise<unknown>

export interface BullWorkerOptions {
  connection: RedisClient
  prefix: string
  name: string
  autorun: boolean
  concurrency: number
  lockDuration: number
  maxStalledCount: number
  skipStalledCheck: boolean
  /** Longest wait for a marker, in seconds. */
  drainDelay: number
  /** Pause after a lost connection, in ms. */
  runRetryDelay: number
  settings: { backoffStrategy: (attemptsMade: number, type?: string, error?: Error, job?: BullJob) => number }
}

export interface BullWorker {
  run(): Promise<void>
  pause(doNotWaitActive: boolean): Promise<void>
  close(force?: boolean): Promise<void>
  /** Not for users, by its types: needed where `close` cannot end. */
  lockManager: { close(): Promise<void> }
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'lockRenewalFailed', listener: (ids: string[]) => void): unknown
}
