/** An observed app from outside of it: for commands, whether it runs or not. */
import { existsSync } from 'node:fs'
import type { Sql, SystemDatabase } from '../database/index.ts'
import type { Evidence } from '../evidence/index.ts'
import { createInspector } from '../inspect/index.ts'
import { gatherObserved } from './gather.ts'
import { openQuietly } from './kept.ts'
import { embeddedFolder } from './place.ts'
import { readObserveSettings } from './settings.ts'

export interface ObservedApp {
  name: string
  /** Where its observations are kept. */
  db: SystemDatabase
  /** DATABASE_URL. */
  databaseUrl: string | undefined
  gather(minutes: number): Promise<Evidence>
  close(): Promise<void>
}

/** Undefined where nothing says that an app in this folder is or was observed. */
export async function openObserved(
  root: string,
  variables: Record<string, string | undefined>,
): Promise<ObservedApp | undefined> {
  const { name, version, storeUrl, appUrl: databaseUrl } = readObserveSettings(variables, root)
  const folder = embeddedFolder(root)
  if (storeUrl === undefined && !existsSync(folder)) return undefined
  const embedded = storeUrl === undefined ? await joinEmbedded(folder, name) : undefined
  const kept = openQuietly(storeUrl ?? embedded!.adminUrl, name, { connections: 2, keepAlive: true })
  const app =
    databaseUrl === undefined ? undefined : openQuietly(databaseUrl, name, { connections: 1, keepAlive: true })
  const db = kept.system
  const server: Sql | null = app?.system ?? null
  const inspector = createInspector({
    app: name,
    version,
    env: 'production',
    startedAt: 0,
    stage: () => ({ number: 1, name: '' }),
    bindings: () => [],
    db,
  })
  return {
    name,
    db,
    databaseUrl,
    gather: (minutes) => gatherObserved({ app: name, db, server, inspector, minutes }),
    async close() {
      await app?.service.stop()
      await kept.service.stop()
      await embedded?.stop()
    },
  }
}

async function joinEmbedded(dataDir: string, database: string) {
  const { startEmbedded } = await import('../database/embedded/index.ts')
  return startEmbedded({ dataDir, database })
}
