import type { Sql } from '../database/index.ts'
import { gatherEvidence, type Evidence } from '../evidence/index.ts'
import { readDays, readHours, repeatsOf, type Inspector } from '../inspect/index.ts'

export interface Observed {
  app: string
  /** Where observations are kept. */
  db: Sql
  /** The database of the app; `null` where it is not known. */
  server: Sql | null
  inspector: Pick<Inspector, 'findings'>
  minutes?: number
}

/** The evidence of an observed app: it has no modules, so that plans are asked for as the app itself. */
export function gatherObserved({ app, db, server, inspector, minutes }: Observed): Promise<Evidence> {
  return gatherEvidence({
    app,
    db,
    ...(server && { server }),
    ...(minutes !== undefined && { minutes }),
    asModule: () => server ?? undefined,
    days: () => readDays(db, { days: 60 }),
    hours: () => readHours(db, { days: 28, most: 12 }),
    repeats: async (window) => repeatsOf(await inspector.findings({ minutes: window }).catch(() => [])),
  })
}
