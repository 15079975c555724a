import type { CronRow, JobDetail, JobRow, JobSummary, LogRow, MailDetail, MailRow, Overview } from './api.ts'

/** The latest `minutes`: at most 60 days of routes and queries, and 14 days of the overview. */
export interface Window {
  minutes: number
}

export interface TraceFilter {
  kind?: string
  /** Part of the name, in any case. */
  name?: string
  /** Shortest duration, in milliseconds. */
  min?: number
  /** Only those that failed. */
  error?: boolean
  /** Only those that started before this time. */
  before?: number
  limit: number
}

export interface JobFilter {
  state?: JobRow['state']
  name?: string
  /** A part of what it says: name, errors, keys, payload. */
  search?: string
  /** Only those older than the job with this id. */
  before?: string
  limit: number
}

export interface LogFilter {
  /** This level and all above it. */
  level?: LogRow['level']
  /** Part of the message or of the fields, in any case. */
  search?: string
  trace?: string
  /** Only those older than the row with this id. */
  before?: string
  limit: number
}

/** What the queue tells and does. */
export interface JobSource {
  list(filter: JobFilter): Promise<JobRow[]>
  summary(): Promise<JobSummary[]>
  get(id: string): Promise<JobDetail | undefined>
  retry(id: string): Promise<boolean>
  discard(id: string): Promise<boolean>
  cancel(id: string, reason?: string): Promise<boolean>
  pause(name: string, reason?: string): Promise<void>
  resume(name: string): Promise<boolean>
}

/** What the crons tell and do. */
export interface CronSource {
  list(): Promise<CronRow[]>
  /** Undefined: there is no cron of that name. */
  run(name: string): Promise<{ jobId: string } | undefined>
}

/** What the mail server for development received. */
export interface MailSource {
  list(): Promise<MailRow[]>
  get(id: string): Promise<MailDetail | undefined>
}

/** What only the joined app knows of itself. */
export interface AppFacts {
  app: string
  version: string
  env: Overview['env']
  startedAt: number
  stage(): Overview['stage']
  bindings(): Overview['bindings']
}
