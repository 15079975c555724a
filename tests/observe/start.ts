/** Apps that know nothing of tenfold, started as their owners would start them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { randomHex } from '../../packages/tenfold/src/kernel/index.ts'
import { createDatabase, dropDatabase, testServer } from '../../packages/tenfold/src/database/testing/index.ts'

export const APPS = join(import.meta.dirname, 'apps')
const PRELOAD = new URL('../../packages/tenfold/src/observe/preload.program.ts', import.meta.url).href
const CLI = fileURLToPath(new URL('../../packages/tenfold/bin/tenfold.js', import.meta.url))
const DEADLINE_MS = 60_000

export interface Started {
  url: string
  /** Of the console; undefined where the app's words name none. */
  console: string | undefined
  /** Everything on standard error. */
  said(): string
  process: ChildProcess
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

export interface StartOptions {
  variables?: Record<string, string>
  cwd?: string
  /** Defaults to true. */
  preload?: boolean
  /** What it says when it is ready to be asked. Defaults to the line of the observation. */
  ready?: RegExp
}

/** Starts an app of the folder `apps` and waits until it listens and says that it is observed. */
export async function start(app: string, options: StartOptions = {}): Promise<Started> {
  const { variables, cwd = APPS, preload = true, ready = preload ? /is observed: .*\n/ : /(?:)/ } = options
  const args = [...(preload ? ['--import', PRELOAD] : []), join(APPS, app)]
  const child = spawn(process.execPath, args, { cwd, env: environment(variables), stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, said] = ['', '']
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  )
  await until(`${app} to start:\n${said}`, () => {
    if (child.exitCode !== null) throw new Error(`${app} ended with ${child.exitCode}:\n${out}${said}`)
    return /listening on \d+\n/.test(out) && ready.test(said)
  })
  return {
    url: `http://127.0.0.1:${/listening on (\d+)/.exec(out)![1]}`,
    console: /http:\/\/localhost:\d+/.exec(said)?.[0],
    said: () => said,
    process: child,
    end(signal) {
      child.kill(signal)
      return ended
    },
  }
}

/** The command line of tenfold, in a folder that is no project of it. */
export function tenfold(
  args: string[],
  variables: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CLI, ...args], { cwd: APPS, env: environment(variables) })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.once('exit', (code) => resolve({ code, output }))
  })
}

function environment(variables: Record<string, string> = {}): Record<string, string | undefined> {
  const { PATH, HOME, TMPDIR } = process.env
  return { PATH, HOME, TMPDIR, TENFOLD_OBSERVE_PORT: '0', TENFOLD_OBSERVE_EVERY: '300ms', ...variables }
}

/** Asks again and again, until the answer is there. */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await after(50)
  }
}

export async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}

export interface Shop {
  url: string
  drop(): Promise<void>
}

/** A database with customers and orders, of which nobody has heard before. */
export async function createShop(): Promise<Shop> {
  const server = await testServer()
  const name = `observed_${randomHex(6)}`
  const url = await createDatabase(server, name)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`
    create table customers (id int primary key, name text);
    create table orders (id int primary key, customer_id int, note text);
    insert into customers select i, 'customer ' || i from generate_series(1, 50) i;
    insert into orders select i, 1 + i % 50, 'note ' || i from generate_series(1, 5000) i`)
  await client.end()
  return { url, drop: () => dropDatabase(server, name) }
}
