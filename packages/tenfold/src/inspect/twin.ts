/** Runs of the twin test, as the console shows them. The sentences are made where the test is (twin/words.ts). */
export interface TwinRunView {
  id: string
  at: number
  command: string
  passed: boolean
  instances: number
  steps: number
  /** How many times the app was started and asked. */
  runs: number
  ms: number
  /** Whether it was seen from inside, or judged by its answers and its disk alone. */
  watched: boolean
  findings: TwinFindingView[]
  notes: string[]
  /** What was looked for and not found. */
  clean: { cause: string; title: string }[]
}

export interface TwinFindingView {
  cause: string
  title: string
  means: string
  fix: string
  /** `server.js:6` */
  places: string[]
  /** Answers that differ. */
  differences: string[]
  /** What was seen that explains it. */
  evidence: string[]
}
