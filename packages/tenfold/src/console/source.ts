import type {
  CronRow,
  JobDetail,
  JobRow,
  JobSummary,
  LogRow,
  MailDetail,
  MailRow,
  Overview,
  QueryStats,
  RouteStats,
  TraceDetail,
  TraceSummary,
} from '../inspect/api.ts'

export interface TraceFilter {
  kind?: string
  name?: string
  /** Shortest duration, in milliseconds. */
  min?: number
  error?: boolean
  /** Only those that started before this time. */
  before?: number
  limit: number
}

export interface JobFilter {
  state?: JobRow['state']
  name?: string
  /** Only those older than the job with this id. */
  before?: string
  limit: number
}

export interface LogFilter {
  /** This level and all above it. */
  level?: LogRow['level']
  search?: string
  trace?: string
  /** Only those older than the row with this id. */
  before?: string
  limit: number
}

/** What the console needs to know of a running app. The inspector of an app is one. */
export interface ConsoleSource {
  overview(query: { minutes: number }): Promise<Overview>
  routes(query: { minutes: number }): Promise<RouteStats[]>
  traces(filter: TraceFilter): Promise<TraceSummary[]>
  trace(traceId: string): Promise<TraceDetail | undefined>
  queries(query: { minutes: number }): Promise<QueryStats[]>
  jobs(filter: JobFilter): Promise<JobRow[]>
  jobSummary(): Promise<JobSummary[]>
  job(id: string): Promise<JobDetail | undefined>
  retryJob(id: string): Promise<boolean>
  discardJob(id: string): Promise<boolean>
  crons(): Promise<CronRow[]>
  runCron(name: string): Promise<{ jobId: string } | undefined>
  logs(filter: LogFilter): Promise<LogRow[]>
  mails(): Promise<MailRow[]>
  mail(id: string): Promise<MailDetail | undefined>
  /** Calls `listener` whenever new data was stored; returns how to stop that.
   *  Absent: the console tells its pages to look again every five seconds. */
  onData?(listener: () => void): () => void
}
