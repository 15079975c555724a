/** For tests of an app: the whole app on a real, fresh database. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { NPlusOneFound, type App, type Config, type Instance, type StartOptions } from './app/index.ts'
import { startFront, type Front } from './app/testing/index.ts'
import type { Role } from './config/index.ts'
import { placeOf, tell, type DatabaseFinding, type Db, type NPlusOne } from './database/index.ts'
import {
  createDatabase,
  databaseUrl,
  dropDatabase,
  testPooler,
  testServer,
  type TestReplica,
  type Via,
} from './database/testing/index.ts'
import { randomHex, toMs, type Duration } from './kernel/index.ts'
import { readCaughtMails, type CaughtMails } from './mail/index.ts'
import { nextDue, passTime } from './queue/index.ts'

export interface TestAppOptions {
  /** Defaults to web and worker. */
  roles?: readonly Role[]
  /** The app's tenfold.config.ts, for its companions. */
  config?: Config
  /** The folder of the app: companions are found from here. Defaults to the working directory. */
  root?: URL
  /** Whether statements go through PgBouncer in transaction mode. Defaults to TEST_VIA, else `direct`. */
  via?: Via
  /** Replicas of `testServer()`: plain reads go there. */
  replicas?: readonly TestReplica[]
  /** More environment variables. */
  variables?: Record<string, string>
  /** Modules that run as services of their own, each in an instance that the others call over HTTP; the rest stays together.
   *  Defaults to TEST_SPLIT (`billing,auth`, or `all`), else none. */
  split?: readonly string[]
  /** N+1 queries that are meant: the names of routes, jobs or crons, contract methods, or files (also with a line) in which
   *  they may run. `'ignore'` allows all. None by default: `close` fails when one was seen.
   *  @example nPlusOne: { allow: ['GET /orders', 'catalog.reindex', 'modules/orders/export.ts'] } */
  nPlusOne?: { allow: readonly string[] } | 'ignore'
}

/** Servers and further instances around a test app: the default export of the module that TEST_TOPOLOGY names. The tests do
 *  not change; what they run against does.
 *  @example TEST_TOPOLOGY=file:///srv/shop/two-instances.ts npm test */
export interface Topology {
  /** On top of the variables that the app has otherwise: REDIS_URL, STORAGE_URL, a pooler as DATABASE_URL. `directUrl` is that
   *  of its new database, of an administrator. */
  variables(directUrl: string): Promise<Record<string, string>>
  /** Called when the app runs: starts other instances with the same variables, and what is in front of all of them. */
  around(app: { url: string; variables: Readonly<Record<string, string | undefined>> }): Promise<{
    url: string
    stop(): Promise<void>
  }>
}

export interface TestApp {
  readonly url: string
  /** Of an app in parts: what was not split out. */
  readonly instance: Instance
  /** Of an app in parts: all of them, the rest first. */
  readonly instances: readonly Instance[]
  /** A request over the network, to a path of the app. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** Runs code inside the app, so that definitions work. */
  run<T>(fn: () => Promise<T>): Promise<T>
  /** Waits until no job is waiting or running and no event is unread; delayed jobs do not count. Throws after `timeoutMs` (30 s). */
  drain(options?: { timeoutMs?: number }): Promise<void>
  /** Lets time go by for jobs: what is delayed, sleeps, waits with a time-out or is to be tried again becomes due in its order, and
   *  has run before the next one does. The clock itself stays, as do jobs on Redis and crons. Throws after `timeoutMs` (30 s).
   *  @example
   *  await shop.run(() => remind.enqueue({ orderId }, { delay: '3d' }))
   *  await shop.pass('3d') */
  pass(time: Duration, options?: { timeoutMs?: number }): Promise<void>
  /** The tables of one module, as that module. */
  db<Tables = any>(module: string): Db<Tables>
  /** What the app has mailed. */
  readonly mails: CaughtMails
  /** What was noticed about queries so far, the allowed ones left out. */
  readonly findings: readonly DatabaseFinding[]
  /** Throws TF_N_PLUS_ONE when a request, job or cron since the last call, or the start, ran one query for each row. */
  expectNoNPlusOne(): void
  /** Stops the app and removes its database; then as `expectNoNPlusOne`. */
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
  const directUrl = databaseUrl(server.adminUrl, name)
  const pooled = (options.via ?? process.env.TEST_VIA) === 'pgbouncer'
  const { replicas = [] } = options
  await Promise.all(replicas.map((replica) => replica.caughtUp()))
  const folder = await mkdtemp(join(tmpdir(), `tenfold-${app.name}-`))
  const config = { ...options.config }
  const topology = await topologyOf(process.env.TEST_TOPOLOGY)
  const variables: Record<string, string | undefined> = {
    ...process.env,
    NODE_ENV: 'test',
    DATABASE_URL: pooled ? (await testPooler()).urlOf(directUrl) : directUrl,
    DATABASE_DIRECT_URL: directUrl,
    ...(replicas.length > 0 && {
      DATABASE_REPLICA_URLS: replicas.map((replica) => databaseUrl(replica.adminUrl, name)).join(),
    }),
    SECRET_KEY: 'a secret key for tests, and nothing else',
    STORAGE_URL: pathToFileURL(join(folder, 'files')).href,
    PORT: '0',
    CONSOLE_PORT: '0',
    LOG_LEVEL: 'fatal',
    ...options.variables,
    ...(await topology?.variables(directUrl)),
  }
  const start: StartOptions = {
    roles: options.roles ?? ['web', 'worker'],
    variables,
    config,
    ...(options.root && { root: options.root }),
  }
  const parts = await startParts(app, start, options.split ?? splitOf(process.env.TEST_SPLIT, app))
  const { instances, front } = parts
  const instance = instances[0]!
  const around = parts.url === undefined ? undefined : await topology?.around({ url: parts.url, variables })
  const url = around?.url ?? parts.url!
  const findings: DatabaseFinding[] = []
  for (const { database } of instances) {
    database.watch?.onFindings((found) => findings.push(...found.filter((one) => !allowed(one, options.nPlusOne))))
  }
  const expectNoNPlusOne = (): void => {
    const found = findings.splice(0).filter((finding) => finding.code === 'n-plus-one')
    if (found.length > 0) throw NPlusOneFound({ findings: perPlace(found).map(tell) })
  }
  return {
    url,
    instance,
    instances,
    fetch: (path, init) => fetch(new URL(path, url), init),
    run: (fn) => instance.run(fn),
    drain: ({ timeoutMs = 30_000 } = {}) => drain(instance, timeoutMs),
    pass: (time, { timeoutMs = 30_000 } = {}) => pass(instance, toMs(time), Date.now() + timeoutMs),
    db: (module) => instance.db(module),
    mails: readCaughtMails(instance.database.system),
    findings,
    expectNoNPlusOne,
    async close() {
      await around?.stop()
      for (const one of instances) await one.stop()
      await front?.close()
      await dropDatabase(server, name)
      await rm(folder, { recursive: true, force: true })
      expectNoNPlusOne()
    },
  }
}

interface Parts {
  /** Where the app as a whole is reached; undefined without the web role. */
  url: string | undefined
  /** The first one is the rest. */
  instances: readonly Instance[]
  front: Front | undefined
}

/** One instance, or one for each module that is split out and one for the rest, behind a front that knows who serves what. */
async function startParts(app: App, start: StartOptions, split: readonly string[]): Promise<Parts> {
  if (split.length === 0) {
    const instance = await app.start({ ...start, migrate: true })
    return { url: instance.url, instances: [instance], front: undefined }
  }
  const front = await startFront(app.modules)
  const names = app.modules.map(({ name }) => name)
  const elsewhere = (here: readonly string[]): Record<string, string> =>
    Object.fromEntries(
      names.filter((name) => !here.includes(name)).map((name) => [`REMOTE_${name.toUpperCase()}_URL`, front.url]),
    )
  const instances: Instance[] = []
  const rest = names.filter((name) => !split.includes(name))
  try {
    for (const modules of [rest, ...split.map((name) => [name])]) {
      const instance = await app.start({
        ...start,
        modules,
        variables: { ...start.variables, ...elsewhere(modules) },
        config: { ...start.config, database: { connections: 8, ...start.config?.database } },
        migrate: instances.length === 0,
      })
      instances.push(instance)
      for (const name of modules) front.place(name, instance.url!)
      if (instances.length === 1) front.place(undefined, instance.url!)
    }
    return { url: front.url, instances, front }
  } catch (error) {
    for (const one of instances) await one.stop()
    await front.close()
    throw error
  }
}

async function topologyOf(module: string | undefined): Promise<Topology | undefined> {
  return module ? ((await import(module)) as { default: Topology }).default : undefined
}

function splitOf(text: string | undefined, app: App): string[] {
  const names = app.modules.map(({ name }) => name)
  // A variable for all apps of a run: those that have no such module run in one piece.
  return text === 'all' ? names : (text ?? '').split(',').filter((name) => names.includes(name))
}

function allowed(finding: DatabaseFinding, allow: TestAppOptions['nPlusOne']): boolean {
  const { code, origin, query, callSite } = finding
  if (code !== 'n-plus-one') return false
  // What a test does itself within `run`, such as filling tables, is no request of the app.
  if (origin.kind === 'task' && callSite && TESTS.test(callSite.file)) return true
  if (allow === undefined) return false
  if (allow === 'ignore') return true
  const names = [origin.name, query, ...(callSite ? [callSite.file, placeOf(callSite)] : [])]
  return allow.allow.some((name) => names.some((own) => own === name || own.endsWith(`/${name}`)))
}

const TESTS = /\.(?:test|spec)\.[a-z]+$|(?:^|\/)(?:tests?|__tests__)\//

/** Each place in the code once, at its worst. */
function perPlace(findings: readonly NPlusOne[]): NPlusOne[] {
  const worst = new Map<string, NPlusOne>()
  for (const finding of findings) {
    const place = finding.callSite ? placeOf(finding.callSite) : `${finding.origin.name} ${finding.query}`
    const before = worst.get(place)
    if (!before || before.times < finding.times) worst.set(place, finding)
  }
  return [...worst.values()]
}

async function pass(instance: Instance, ms: number, deadline: number): Promise<void> {
  const { queue, database } = instance
  for (let left = ms; ;) {
    await drain(instance, Math.max(1, deadline - Date.now()))
    if (Date.now() > deadline) throw new Error('there is always another job due: is one delayed by nothing?')
    const due = (await nextDue(database.system)) ?? Infinity
    const step = Math.min(left, due)
    for (const id of await passTime(database.system, step)) await queue.retry(id)
    if (due > left) return
    left -= step
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
