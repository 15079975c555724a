/** The Postgres of the operating system, with its own `pg_dump`: of an older version than the embedded one. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { accountFor } from '../embedded/account.ts'
import { temporaryFolder } from './folder.ts'
import { freePort } from './port.ts'

export interface DebianServer {
  /** Whoever comes from this machine is believed. */
  urlOf(user: string, database: string): string
  close(): Promise<void>
}

/** Where its programs are; undefined where none is installed: `scripts/setup` installs it. */
export function debianPrograms(): string | undefined {
  const folder = '/usr/lib/postgresql'
  const versions = existsSync(folder) ? readdirSync(folder).map(Number) : []
  return versions
    .sort((a, b) => b - a)
    .map((version) => `${folder}/${version}/bin`)
    .find((bin) => existsSync(join(bin, 'postgres')))
}

/** A new cluster on a free port; its administrator is `postgres`. */
export async function startDebian(): Promise<DebianServer> {
  const bin = debianPrograms()
  if (bin === undefined) throw new Error('no Postgres of the operating system is installed: run scripts/setup')
  const folder = temporaryFolder('debian')
  chmodSync(folder, 0o755)
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  const account = accountFor(folder)
  if (account) chownSync(data, account.uid, account.gid)
  const how = {
    ...(account && { uid: account.uid, gid: account.gid }),
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    cwd: '/',
  }
  const make = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync']
  await promisify(execFile)(join(bin, 'initdb'), make, how)
  const port = await freePort()
  const run = ['-D', data, '-p', String(port), '-k', '', '-h', '127.0.0.1', '-c', 'fsync=off']
  const child = spawn(join(bin, 'postgres'), run, { ...how, stdio: 'ignore' })
  const urlOf = (user: string, database: string): string => `postgres://${user}@127.0.0.1:${port}/${database}`
  const close = async (): Promise<void> => {
    child.kill('SIGINT')
    if (child.exitCode === null) await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  const deadline = Date.now() + 20_000
  while (!(await answers(urlOf('postgres', 'postgres')))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await close()
      throw new Error('the Postgres of the operating system did not start')
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { urlOf, close }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  return client
    .connect()
    .then(() => true)
    .catch(() => false)
    .finally(() => client.end().catch(() => {}))
}
