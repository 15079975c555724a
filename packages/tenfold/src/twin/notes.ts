import type { Place } from './evidence.ts'
import type { Finding, Note } from './findings.ts'
import type { Run } from './fleet.ts'

/** What was seen and made no difference: worth a look, no reason to fail. */
export function notesFrom(runs: readonly Run[], findings: readonly Finding[]): Note[] {
  const blamed = new Set(findings.flatMap(({ places }) => places.map(({ file, line }) => `${file}:${line}`)))
  const notes = new Map<string, Note>()
  const note = (key: string, text: string, place: Place | undefined): void => {
    if (place && blamed.has(`${place.file}:${place.line}`)) return
    notes.set(key, { text, places: place ? [{ file: place.file, line: place.line }] : [] })
  }
  for (const one of runs.flatMap(({ seen }) => seen.flatMap(({ said }) => said))) {
    if (one.kind === 'state' && one.during) {
      const text = `${one.site.name} changes while requests are answered; no answer depended on it.`
      note(`state ${one.site.file}:${one.site.line}`, text, one.site)
    }
    if (one.kind === 'store' && one.keeps !== 'uploads') {
      const text = `${one.package} keeps ${one.keeps} in the memory of each instance; no answer depended on it.`
      note(`store ${one.package}`, text, one.at)
    }
    if (one.kind === 'listen' && one.port !== 0 && one.wanted !== one.port) {
      note('port', `It listens on ${one.wanted} whatever PORT says; the test moved it to a port of its own.`, one.at)
    }
  }
  return [...notes.values()]
}
