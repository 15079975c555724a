/** The table of docs/guide/failures.md, from what the proof holds. */
import { PROMISES, type Fares, type Promised } from './promises.ts'

export function table(promises: readonly Promised[] = PROMISES): string {
  const rows = promises.map((one) => [
    one.what,
    range(one.stages),
    words(one.reads, one),
    words(one.writes, one),
    words(one.files, one),
    one.note,
  ])
  const head = ['what breaks', 'stages', 'reads', 'orders', 'uploads', 'what to know']
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function words(fares: Fares, { backWithinS }: Promised): string {
  switch (fares) {
    case 'go on':
      return 'go on'
    case 'under way':
      return 'those under way may fail'
    case 'until back':
      return `may fail until it is back, and ${backWithinS} s more`
  }
}

function range(stages: readonly number[]): string {
  return stages.length === 1 ? String(stages[0]) : `${stages[0]} to ${stages.at(-1)}`
}
