import { availableParallelism, cpus, release, totalmem } from 'node:os'
import type { Peers } from './peers.ts'

/** One sentence that is true or not, with the number that decides. */
export interface Claim {
  /** What is claimed, in words: `orders per second, against bare Fastify`. */
  claim: string
  /** What has to be reached: `at least 0.8 x`. */
  goal: string | number
  /** What was measured. */
  value: string | number
  holds: boolean
}

/** One line of the table. The columns are the keys of the rows, in the order in which they first appear. */
export type Row = Record<string, string | number | boolean | null>

/** What a benchmark or a proof returns. A report without claims is an error: it would hold whatever happened. */
export interface Report {
  claims: Claim[]
  rows: Row[]
  /** Further tables, each with what it shows. */
  tables?: { title: string; rows: Row[] }[]
  /** Versions that matter to the result (`postgres: '18.4'`). Node and the installed peers are added by the runner. */
  versions?: Record<string, string>
}

export interface ClaimsOptions {
  /** A short run that shows the thing works; its numbers are not worth quoting. */
  quick: boolean
  /** The options that this one declares, as given on the command line: `--kills 300` is `{ kills: '300' }`. */
  set: Record<string, string>
  /** Progress for people. Goes to stderr, so that `--json` leaves one object on stdout. */
  log(line: string): void
  /** Aborted by Ctrl-C: stop what you started, then return or throw. */
  signal: AbortSignal
  /** Installs exact versions of packages to compare with, in a folder of this benchmark's own.
   *  @example
   *  const peers = await options.installPeers({ express: '5.3.0' })
   *  const { default: express } = await peers.load<{ default: Express }>('express') */
  installPeers(wanted: Record<string, string>): Promise<Peers>
}

/** The default export of `bench/<name>/index.ts` and `proofs/<name>/index.ts`. */
export interface Claims {
  /** The folder's name. */
  name: string
  /** One line for `--help`. */
  about: string
  /** Options beside --json and --quick: the name and what it does, for `--help`. */
  options?: Record<string, string>
  run(options: ClaimsOptions): Promise<Report>
}

export interface FullReport {
  name: string
  versions: Record<string, string>
  machine: Record<string, string | number>
  claims: Claim[]
  rows: Row[]
  tables?: NonNullable<Report['tables']>
}

/** All claims hold, and there is at least one. */
export function holds(report: Pick<Report, 'claims'>): boolean {
  return report.claims.length > 0 && report.claims.every((claim) => claim.holds)
}

export function describeMachine(): Record<string, string | number> {
  return {
    platform: `${process.platform} ${process.arch}`,
    kernel: release(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
}

/** The report as text: the rows, then each claim with the number that decides it. */
export function renderReport(report: FullReport): string {
  const machine = report.machine
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`)
  return [
    `${report.name} on ${machine.cores} x ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.platform}`,
    versions.join(', '),
    '',
    ...table(report.rows),
    ...(report.rows.length > 0 ? [''] : []),
    ...(report.tables ?? []).flatMap(({ title, rows }) => [title, ...table(rows), '']),
    ...table(
      report.claims.map((c) => ({ '': c.holds ? 'holds' : 'FAILS', claim: c.claim, goal: c.goal, value: c.value })),
    ),
  ].join('\n')
}

function table(rows: readonly Row[]): string[] {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  if (columns.length === 0) return []
  const cells = [columns, ...rows.map((row) => columns.map((column) => show(row[column])))]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)))
  const numeric = columns.map((column) => rows.every((row) => typeof (row[column] ?? 0) === 'number'))
  return cells.map((line) =>
    line
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

function show(value: Row[string] | undefined): string {
  if (value === undefined || value === null) return '-'
  if (typeof value !== 'number') return String(value)
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) >= 100 ? 0 : 2 })
}
