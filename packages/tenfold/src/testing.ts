/** For tests of an app: the whole app on a real, fresh database. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { App, Config, Instance } from './app/index.ts'
import type { Role } from './config/index.ts'
import type { Db } from './database/index.ts'
import { createDatabase, databaseUrl, dropDatabase, testServer } from './database/testing/index.ts'
import { randomHex } from './kernel/index.ts'
import { readCaughtMails, type CaughtMails } from './mail/index.ts'

export interface TestAppOptions {
  /** Defaults to web and worker. */
  roles?: readonly Role[]
  /** The app's tenfold.config.ts, for its companions. */
  config?: Config
  /** The folder of the app: companions are found from here. Defaults to the working directory. */
  root?: URL
  /** More environment variables. */
  variables?: Record<string, string>
}

export interface TestApp {
  readonly url: string
  readonly instance: Instance
  /** A request over the network, to a path of the app. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** Runs code inside the app, so that definitions work. */
  run<T>(fn: () => Promise<T>): Promise<T>
  /** Waits until no job is waiting or running and no event is unread; delayed jobs do not count. Throws after `timeoutMs` (30 s). */
  drain(options?: { timeoutMs?: number }): Promise<void>
  /** The tables of one module, as that module. */
  db<Tables = any>(module: string): Db<Tables>
  /** What the app has mailed. */
  readonly mails: CaughtMails
  close(): Promise<void>
}

/** Starts the app on a fresh, migrated database and a free port.
 *  @example
 *  const shop = await startTestApp(app)
 *  const reply = await shop.fetch('/products')
 *  await shop.drain()
 *  await shop.close() */
export async function startTestApp(app: App, options: TestAppOptions = {}): Promise<TestApp> {
  const server = await testServer()
  const name = `test_${app.name}_${randomHex(6)}`
  await createDatabase(server, name)
  const folder = await mkdtemp(join(tmpdir(), `tenfold-${app.name}-`))
  const config = { ...options.config }
  const variables: Record<string, string | undefined> = {
    ...process.env,
    NODE_ENV: 'test',
    DATABASE_URL: databaseUrl(server.adminUrl, name),
    SECRET_KEY: 'a secret key for tests, and nothing else',
    STORAGE_URL: pathToFileURL(join(folder, 'files')).href,
    PORT: '0',
    CONSOLE_PORT: '0',
    LOG_LEVEL: 'fatal',
    ...options.variables,
  }
  const instance = await app.start({
    roles: options.roles ?? ['web', 'worker'],
    variables,
    config,
    migrate: true,
    ...(options.root && { root: options.root }),
  })
  return {
    url: instance.url!,
    instance,
    fetch: (path, init) => fetch(new URL(path, instance.url), init),
    run: (fn) => instance.run(fn),
    drain: ({ timeoutMs = 30_000 } = {}) => drain(instance, timeoutMs),
    db: (module) => instance.db(module),
    mails: readCaughtMails(instance.database.system),
    async close() {
      await instance.stop()
      await dropDatabase(server, name)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function drain({ queue, database }: Instance, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const busy = (await queue.summary()).filter(({ waiting, running }) => waiting + running > 0)
    const { rows } = await database.system.query<{ n: number }>('select count(*) as n from tenfold.event_outbox')
    const unread = rows[0]!.n
    if (busy.length === 0 && unread === 0) return
    if (Date.now() > deadline) {
      const names = busy.map(({ name, waiting, running }) => `${name} (${waiting} waiting, ${running} running)`)
      throw new Error(`still busy after ${timeoutMs} ms: ${names.join(', ') || `${unread} events`}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}
