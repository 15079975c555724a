/** Index advice for an app: of what its instances have asked, on what its migrations have made. */
import { migrationStatus, type MigrationSource } from '../database/index.ts'
import type { Sql } from '../database/index.ts'
import type { Advice } from '../database/advice/index.ts'
import type { IndexAdvice, IndexAdvisor } from '../console/index.ts'
import { readWorkload } from '../inspect/index.ts'
import { TenfoldError, messageOf } from '../kernel/index.ts'

export interface IndexTarget {
  /** A direct address. */
  url: string
  app: string
  sources: readonly MigrationSource[]
}

export async function adviseIndexesOf(target: IndexTarget, db: Sql, days: number): Promise<Advice> {
  // It brings a parser compiled to WebAssembly along, which an app that is not asked for advice never loads.
  const { adviseIndexes } = await import('../database/advice/index.ts')
  const { url, app, sources } = target
  const { migrations } = await migrationStatus(target)
  const applied = new Set(
    migrations.filter(({ state }) => state !== 'pending').map(({ module, name }) => `${module}/${name}`),
  )
  return adviseIndexes({
    url,
    app,
    tables: { sources, isApplied: ({ module, name }) => applied.has(`${module}/${name}`) },
    workload: await readWorkload(db, { days }),
  })
}

/** For the console: looks when it is asked to, once at a time, and keeps what it found last. */
export function createIndexAdvisor(target: IndexTarget, db: Sql): IndexAdvisor {
  let state: IndexAdvice = { status: 'never' }
  return {
    state: () => state,
    look(days) {
      if (state.status === 'looking') return
      const startedAt = Date.now()
      state = { status: 'looking', startedAt, days }
      const done = { startedAt, days }
      adviseIndexesOf(target, db, days).then(
        (advice) => {
          state = { status: 'found', ...done, tookMs: Date.now() - startedAt, advice }
        },
        (error: unknown) => {
          const { message, fix = '' } = error instanceof TenfoldError ? error : { message: messageOf(error) }
          state = { status: 'failed', ...done, message, fix }
        },
      )
    },
  }
}
