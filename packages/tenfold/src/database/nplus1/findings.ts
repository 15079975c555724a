import type { Finding, RootKind } from '../../telemetry/index.ts'

/** A line of the app's own code. */
export interface CallSite {
  /** Relative to the working directory where it lies below it. */
  file: string
  line: number
  function?: string
}

/** A request, job, cron run or task, by its kind and its name (`request` `GET /orders`). */
export interface Origin {
  kind: RootKind
  name: string
}

/** What every finding of a running app has in common, whoever noticed it. */
export interface PlacedFinding extends Finding {
  origin: Origin
  module: string
  /** The fingerprint of the statement, the contract method, or what was called: `POST partner.example/charges`. */
  query: string
  /** Undefined where no line of the app's own was on the stack. */
  callSite?: CallSite
  times: number
}

/** One query for each row of an earlier result, where one query for all rows would do. */
export interface NPlusOne extends PlacedFinding {
  code: 'n-plus-one'
  what: 'read' | 'write' | 'call'
  /** The column (of a call: the field) that took the keys, as far as the statement tells. */
  column?: string
  /** Among the first 64 runs, which are looked at. */
  distinctKeys: number
  /** Where the keys came from. */
  source: { kind: 'query' | 'call' | 'input'; query: string; column: string }
}

/** The same query with the same parameters, again and again. */
export interface RepeatRead extends PlacedFinding {
  code: 'repeat-read'
}

export type DatabaseFinding = NPlusOne | RepeatRead

export function isDatabaseFinding(finding: Finding): finding is DatabaseFinding {
  return finding.code === 'n-plus-one' || finding.code === 'repeat-read'
}

/** `modules/orders/list.ts:12`. */
export function placeOf({ file, line }: CallSite): string {
  return `${file}:${line}`
}
