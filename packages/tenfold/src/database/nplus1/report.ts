import type { Telemetry } from '../../telemetry/index.ts'
import { placeOf, type PlacedFinding } from './findings.ts'
import type { Words } from './words.ts'

const MOST_PLACES = 1000

/** Counts findings; in development, tells of each place in the code once, in the log of the request that showed it. */
export function createReport<Found extends PlacedFinding>(
  { log, metrics, env }: Telemetry,
  wordsOf: (finding: Found) => Words,
): (findings: readonly Found[]) => void {
  const told = new Set<string>()
  const counter = metrics.counter('tenfold.findings', {
    help: 'Requests, jobs and the like in which something to put right was noticed.',
    unit: '{finding}',
  })
  return (findings) => {
    for (const finding of findings) {
      const { code, origin, module, query, callSite, times } = finding
      counter.add(1, { code, origin: origin.name, module })
      if (env !== 'development') continue
      const place = `${code} ${callSite ? placeOf(callSite) : query}`
      if (told.has(place) || told.size >= MOST_PLACES) continue
      told.add(place)
      const { title, says, fix } = wordsOf(finding)
      log.warn(`${title}. ${says}`, { finding: code, ...(callSite && { at: placeOf(callSite) }), times, query, fix })
    }
  }
}
