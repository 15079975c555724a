/** Releases of one small app, each in a folder of its own, and the places where they run. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Place } from '../../packages/tenfold/src/supervisor/index.ts'

const PROGRAM = fileURLToPath(new URL('../../packages/tenfold/bin/tenfold.js', import.meta.url))
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url))

export interface Release {
  name: string
  folder: string
}

/** What a release of the app is: its number is in its answers, and from 2 on there is a column more. `broken` ends while it
 *  starts; `stuck` never gets ready. */
export type Kind = '1' | '2' | 'broken' | 'stuck'

export function writeRelease(root: string, kind: Kind): Release {
  const folder = join(root, kind)
  const files: Record<string, string> = {
    'package.json': `{ "name": "visits", "version": "${kind === '1' ? 1 : 2}.0.0", "type": "module" }`,
    'tenfold.config.ts': `import { config } from 'tenfold'\nexport default config({ database: { connections: 10 }, shedding: false })\n`,
    'app.ts': appOf(kind),
    'migrations/0001_visits.sql': `--! phase: expand
create table visit (id bigint primary key, at timestamptz not null default now());
create table counted (visit bigint primary key, runs int not null default 1);
`,
  }
  if (kind !== '1')
    files['migrations/0002_mood.sql'] =
      `--! phase: expand\nalter table visit add column mood text not null default 'calm';\n`
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  symlinkSync(MODULES, join(folder, 'node_modules'))
  return { name: kind, folder }
}

function appOf(kind: Kind): string {
  const extra = kind === '1' ? '' : ", mood: 'glad'"
  const columns = kind === '1' ? '' : ', mood: Generated<string>'
  const start = {
    broken: `throw new Error('this release is broken')`,
    stuck: 'await new Promise(() => setInterval(() => {}, 1000))',
  }
  return `import { app, defineModule, tables, type Generated } from 'tenfold'
import { z } from 'zod'
${start[kind as 'broken' | 'stuck'] ?? ''}
interface Tables {
  visit: { id: number${columns} }
  counted: { visit: number; runs: Generated<number> }
}
const m = defineModule('visits', { tables: tables<Tables>() })
const count = m.job('count', {
  input: z.object({ id: z.number() }),
  run: async ({ input, db }) => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    await db.insertInto('counted').values({ visit: input.id })
      .onConflict((c) => c.column('visit').doUpdateSet((e) => ({ runs: e('counted.runs', '+', 1) }))).execute()
  },
})
const visit = m.route('POST /visits', {
  auth: 'public',
  body: z.object({ id: z.number() }),
  reply: z.object({ release: z.string() }),
  handler: async ({ body, db }) => {
    await db.transaction(async (tx) => {
      await tx.insertInto('visit').values({ id: body.id${extra} } as never).execute()
      await count.enqueue({ id: body.id }, { tx })
    })
    // So that some are always under way when an instance has to stop.
    await new Promise((resolve) => setTimeout(resolve, 200))
    return { release: '${kind}' }
  },
})
const number = m.route('GET /visits/:id', {
  auth: 'public',
  params: z.object({ id: z.coerce.number() }),
  reply: z.object({ release: z.string(), there: z.boolean() }),
  handler: async ({ params, db }) => {
    const row = await db.selectFrom('visit').select('id').where('id', '=', params.id).executeTakeFirst()
    return { release: '${kind}', there: row !== undefined }
  },
})
export default app({
  name: 'visits',
  modules: [m.build({ parts: [count, visit, number], migrations: new URL('./migrations/', import.meta.url) })],
})
`
}

/** Applies the migrations of a release, as a deploy does before it starts anything. The load goes on meanwhile. */
export async function migrate({ folder }: Release, variables: Record<string, string>): Promise<void> {
  const env = { PATH: process.env.PATH, ...variables }
  await promisify(execFile)(process.execPath, [PROGRAM, 'migrate', 'up'], { cwd: folder, env })
}

/** A place on this machine: one instance of `tenfold start` on a port of its own. */
export function placeOf(
  name: string,
  port: number,
  variables: Record<string, string>,
  signal: 'SIGTERM' | 'SIGKILL',
): Place<Release> & { printed(): string } {
  let child: ChildProcess | undefined
  let printed = ''
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    printed: () => printed,
    ended() {
      if (!child || (child.exitCode === null && child.signalCode === null)) return undefined
      return child.signalCode ?? `code ${child.exitCode}`
    },
    async start({ folder }) {
      const env = { PATH: process.env.PATH, ...variables, PORT: String(port), PROCESSES: '1' }
      const started = spawn(process.execPath, [PROGRAM, 'start', '--only', 'web,worker'], {
        cwd: folder,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: signal === 'SIGKILL',
      })
      child = started
      for (const stream of [started.stdout, started.stderr])
        stream.on('data', (data: Buffer) => void (printed = (printed + String(data)).slice(-4000)))
    },
    async stop() {
      const running = child
      if (!running || running.exitCode !== null || running.signalCode !== null) return
      const ended = new Promise((resolve) => running.once('exit', resolve))
      // With its children: left alone, they would finish what they have begun.
      if (signal === 'SIGKILL') process.kill(-running.pid!, signal)
      else running.kill(signal)
      const timer = setTimeout(() => running.kill('SIGKILL'), 60_000)
      await ended
      clearTimeout(timer)
    },
  }
}
