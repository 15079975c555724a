import type { Place } from '../evidence.ts'
import { placeName } from '../evidence.ts'
import type { TwinReport } from '../twin.ts'
import { headline, WORDS, wordsOf, wordsOfDifference } from '../words.ts'

type Paint = (colour: 'red' | 'green' | 'yellow' | 'cyan' | 'grey' | 'bold', text: string) => string

const SHOWN = 4

/** For people: one paragraph for each cause, with what to do about it. */
export function renderTerminal(report: TwinReport, paint: Paint): string {
  const { findings, notes, instances, steps, runs, ms, watched } = report
  const lines: string[] = []
  for (const one of findings) {
    lines.push(`${paint('red', '✗')} ${paint('bold', headline(one))}  ${paint('grey', one.cause)}`)
    lines.push(`  ${WORDS[one.cause].means}`)
    lines.push(...few(one.differences.map(wordsOfDifference)), ...few(one.evidence.map(wordsOf)))
    lines.push(`  ${paint('green', 'fix:')} ${WORDS[one.cause].fix}`, '')
  }
  for (const { text, places } of notes) lines.push(paint('grey', `  note: ${text}${placesOf(places)}`))
  if (notes.length > 0) lines.push('')
  if (!watched)
    lines.push(paint('grey', '  No Node.js program was seen from inside: judged by its answers and its disk.'), '')
  const verdict =
    findings.length === 0
      ? paint('green', `${instances} of these can run at once, as far as this scenario shows`)
      : paint(
          'red',
          `${findings.length === 1 ? 'one assumption' : `${findings.length} assumptions`} of a single instance`,
        )
  lines.push(`${verdict}  ${paint('grey', `${steps} steps, ${runs} runs, ${(ms / 1000).toFixed(1)} s`)}`)
  return lines.join('\n')
}

function few(list: string[]): string[] {
  const more = list.length > SHOWN ? [`    … and ${list.length - SHOWN} more`] : []
  return [...list.slice(0, SHOWN).map((line) => `    ${line.replaceAll('\n', '\n    ')}`), ...more]
}

function placesOf(places: Place[]): string {
  return places.length > 0 ? ` (${places.map(placeName).join(', ')})` : ''
}
