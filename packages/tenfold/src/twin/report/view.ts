import type { TwinRunView } from '../../inspect/index.ts'
import { placeName } from '../evidence.ts'
import type { Cause } from '../findings.ts'
import type { TwinReport } from '../twin.ts'
import { WORDS, wordsOf, wordsOfDifference } from '../words.ts'

/** A report in sentences, for the page and for the console. */
export function viewOf(report: TwinReport, at: number): TwinRunView {
  const { findings, notes, ...facts } = report
  const found = new Set(findings.map(({ cause }) => cause))
  const causes = Object.keys(WORDS) as Cause[]
  return {
    ...facts,
    id: new Date(at).toISOString().slice(0, 19).replace(/[^\d]/g, '-'),
    at,
    findings: findings.map(({ cause, places, differences, evidence }) => {
      const { title, means, fix } = WORDS[cause]
      return {
        cause,
        title,
        means,
        fix,
        places: places.map(placeName),
        differences: differences.map(wordsOfDifference),
        evidence: evidence.map(wordsOf),
      }
    }),
    notes: notes.map(({ text, places }) => [text, ...places.map(placeName)].join(' · ')),
    clean: causes.flatMap((cause) => (found.has(cause) ? [] : { cause, title: WORDS[cause].title })),
  }
}
