/** Runs of `tenfold load`, as the console shows them. The sentences are made where runs are judged (load/words.ts). */
export interface LoadRunView {
  id: string
  at: number
  scenario: string
  release?: string
  url: string
  seconds: number
  requests: number
  /** Of all open steps, in milliseconds. */
  p50: number
  p95: number
  p99: number
  /** 0 to 1. */
  errorShare: number
  valid: boolean
  /** Why it says nothing, and what was not tried. */
  notes: string[]
  thresholds: { name: string; most: number; value: number; holds: boolean }[]
  /** Where it breaks, and how it scales. */
  words: string[]
  steps: LoadStepView[]
  /** One point for each second. */
  series: { time: number; completed: number; errors: number; p50: number; p95: number }[]
}

export interface LoadStepView {
  round: number
  /** `50 a second`, or `8 users`. */
  load: string
  offered: number
  achieved: number
  p50: number
  p95: number
  p99: number
  errors: number
  valid: boolean
  /** Cores of the app and of its database, as far as they were seen. */
  appCpu?: number
  databaseCpu?: number
}

export interface LoadRuns {
  /** The newest first. */
  list(): Promise<LoadRunView[]>
  /** What changed from one to the other, in sentences; or why that cannot be said. */
  compare(before: string, after: string): Promise<{ verdict: string; lines: string[] }>
}
