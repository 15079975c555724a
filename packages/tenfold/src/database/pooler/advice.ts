import type { PoolerFacts } from './detect.ts'

export interface PoolerAdvice {
  /** What will not work at all. */
  problems: string[]
  /** What works less well. */
  warnings: string[]
}

/** What the way to the database means for an app, in words.
 *  @param hasDirectUrl whether DATABASE_DIRECT_URL leads past the pooler */
export function adviseOnPooler({ mode, version }: PoolerFacts, hasDirectUrl: boolean): PoolerAdvice {
  if (mode === undefined) return { problems: [], warnings: [] }
  const name = `PgBouncer${version ? ` ${version}` : ''} in ${mode} mode`
  if (mode === 'statement') {
    return {
      problems: [`DATABASE_URL: ${name} refuses transactions: set pool_mode = transaction`],
      warnings: [],
    }
  }
  if (mode === 'session') {
    return {
      problems: [],
      warnings: [
        `${name}: each connection of each process holds one of the server, so the pooler saves none: set pool_mode = transaction`,
      ],
    }
  }
  if (hasDirectUrl) return { problems: [], warnings: [] }
  return {
    problems: [
      `DATABASE_DIRECT_URL: ${name} cannot migrate (the lock of a migration would stay with a stranger's session): set it to the address of the server itself`,
    ],
    warnings: [
      'without DATABASE_DIRECT_URL nobody hears of new jobs and of invalidations: jobs begin up to a second late, cached values are kept for seconds only',
    ],
  }
}
