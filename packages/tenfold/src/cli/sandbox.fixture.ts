/** A small project in a folder of its own, and the real `tenfold` program to run on it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createDatabase, databaseUrl, dropDatabase, testServer } from '../database/testing/index.ts'
import { randomHex } from '../kernel/index.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/tenfold.js', import.meta.url))
const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url))

/** Two modules, one of them with a table; every job of the one fails at its first and only attempt. */
export const PROJECT: Record<string, string> = {
  'package.json': '{ "name": "notebook", "version": "1.2.3", "type": "module" }',
  'tenfold.config.ts': `import { config } from 'tenfold'\nexport default config({})\n`,
  'app.ts': `import { app } from 'tenfold'
import greetings from './modules/greetings/index.ts'
import notes from './modules/notes/index.ts'

export default app({ name: 'notebook', modules: [notes, greetings] })
`,
  'modules/notes/contract.ts': `import { contract } from 'tenfold'
import { z } from 'zod'
export const notes = contract('notes', { count: { input: z.object({}), output: z.object({ count: z.number() }) } })
`,
  'modules/notes/index.ts': `import { defineModule, tables } from 'tenfold'
import { z } from 'zod'
import { notes } from './contract.ts'

const m = defineModule('notes', { tables: tables<{ note: { id: number; text: string } }>() })
export const index = m.job('index', {
  input: z.object({ text: z.string() }),
  attempts: 1,
  async run() { throw new Error('the index is on fire') },
})
const list = m.route('GET /notes', {
  auth: 'public',
  summary: 'All notes',
  reply: z.array(z.string()),
  handler: async ({ db }) => (await db.selectFrom('note').select('text').execute()).map(({ text }) => text),
})
const write = m.route('POST /notes', {
  auth: 'public',
  limit: { by: 'ip', max: 100, per: '1m' },
  body: z.object({ text: z.string() }),
  handler: ({ db, body }) => db.transaction(async (tx) => {
    await tx.insertInto('note').values({ text: body.text } as never).execute()
    await index.enqueue({ text: body.text }, { tx })
  }),
})
const implementation = m.implement(notes, { count: async ({ db }) => ({ count: (await db.selectFrom('note').select('id').execute()).length }) })
export default m.build({ parts: [list, write, index, implementation], migrations: new URL('./migrations/', import.meta.url) })
`,
  'modules/notes/migrations/0001_notes.sql': `--! phase: expand
create table note (id bigint generated always as identity primary key, text text not null);
`,
  'modules/greetings/index.ts': `import { defineModule } from 'tenfold'
import { z } from 'zod'
import { notes } from '../notes/contract.ts'

const m = defineModule('greetings', { uses: { notes } })
const hello = m.route('GET /hello', {
  auth: 'public',
  reply: z.object({ hello: z.string() }),
  handler: () => ({ hello: 'world' }),
})
export default m.build({ parts: [hello] })
`,
}

export interface Finished {
  code: number | null
  signal: string | null
  stdout: string
  stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  /** What it has printed so far, on both streams. */
  printed(): string
  /** Waits until what it printed since `from` matches; throws when it ends before that, or after `timeoutMs` (60 s). */
  untilPrinted(pattern: RegExp, options?: { from?: number; timeoutMs?: number }): Promise<RegExpExecArray>
}

export interface Sandbox {
  readonly folder: string
  write(files: Record<string, string>): void
  read(file: string): string
  /** Runs one command to its end. */
  run(args: string[], variables?: Record<string, string>): Promise<Finished>
  /** Starts a command that goes on. It is killed by `remove` at the latest. */
  start(args: string[], variables?: Record<string, string>): Running
  remove(): Promise<void>
}

/** A project; `files` replace those of {@link PROJECT}. `database` binds it to a fresh database instead of the embedded one. */
export async function sandbox(
  options: { files?: Record<string, string>; database?: boolean } = {},
): Promise<Sandbox & { databaseUrl: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-cli-'))
  symlinkSync(MODULES, join(folder, 'node_modules'))
  const write = (files: Record<string, string>): void => {
    for (const [name, text] of Object.entries(files)) {
      const file = join(folder, name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
  }
  write({ ...PROJECT, ...options.files })
  const server = options.database ? await testServer() : undefined
  const name = `test_cli_${randomHex(6)}`
  if (server) await createDatabase(server, name)
  const url = server ? databaseUrl(server.adminUrl, name) : ''
  const running = new Set<Running>()
  const start = (args: string[], variables: Record<string, string> = {}): Running => {
    const one = launch(folder, args, {
      // Roles belong to the server, which sandboxes share: with one key their passwords agree.
      ...(url && { DATABASE_URL: url, SECRET_KEY: 'a secret key for tests, and nothing else' }),
      ...variables,
    })
    running.add(one)
    void one.finished.then(() => running.delete(one))
    return one
  }
  return {
    folder,
    databaseUrl: url,
    write,
    read: (file) => readFileSync(join(folder, file), 'utf8'),
    start,
    run: (args, variables) => start(args, variables).finished,
    async remove() {
      for (const one of running) one.child.kill('SIGTERM')
      const patience = setTimeout(() => running.forEach((one) => one.child.kill('SIGKILL')), 15_000)
      await Promise.all([...running].map((one) => one.finished))
      clearTimeout(patience)
      if (server) await dropDatabase(server, name)
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function launch(cwd: string, args: string[], variables: Record<string, string>): Running {
  const { PATH = '', HOME = '' } = process.env
  const env = { PATH, HOME, PORT: '0', CONSOLE_PORT: '0', LOG_LEVEL: 'warn', ...variables }
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data: Buffer) => void (stdout += String(data)))
  child.stderr.on('data', (data: Buffer) => void (stderr += String(data)))
  let ended = false
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      ended = true
      resolve({ code, signal, stdout, stderr })
    })
  })
  const printed = (): string => stdout + stderr
  return {
    child,
    finished,
    printed,
    async untilPrinted(pattern, { from = 0, timeoutMs = 60_000 } = {}) {
      const deadline = Date.now() + timeoutMs
      for (;;) {
        const found = pattern.exec(printed().slice(from))
        if (found) return found
        if (ended || Date.now() > deadline) {
          throw new Error(
            `'tenfold ${args.join(' ')}' ${ended ? 'ended' : 'went on'} without printing ${pattern}:\n${printed()}`,
          )
        }
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
}

/** Whether a process with this id is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
