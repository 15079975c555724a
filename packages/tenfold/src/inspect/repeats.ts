import type { FindingRow } from './api.ts'

interface Repeat {
  code: string
  origin: string
  query: string
  place?: string
  times: number
  share?: number
}

/** Findings in the form in which they are part of the evidence. */
export function repeatsOf(findings: readonly FindingRow[]): Repeat[] {
  return findings.map(({ code, origin, query, callSite, meanRepeats, share }) => ({
    code,
    origin: origin.name,
    query,
    times: meanRepeats,
    ...(callSite !== undefined && { place: callSite }),
    ...(share !== undefined && { share }),
  }))
}
