/** A dump of one database, by the server's own programs. */
import { spawn, type ChildProcess } from 'node:child_process'
import { pipeline } from 'node:stream/promises'
import { findProgram } from './plan.ts'

/** What `pg_dump` prints: its custom format, not compressed, since storage compresses it.
 *  Fails when the program does, even if it had printed something by then. */
export async function* dump(url: string, major: number, snapshot: string): AsyncGenerator<Buffer> {
  const program = (await findProgram('pg_dump', major)) ?? 'pg_dump'
  const { args, env } = connection(url)
  const child = spawn(
    program,
    [...args, '--format=custom', '--compress=0', `--snapshot=${snapshot}`, '--no-password'],
    {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const ended = outcome(child, 'pg_dump')
  ended.catch(() => {})
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer
    await ended
  } finally {
    child.kill()
  }
}

/** Restores into a database. `clean` drops first what the dump brings.
 *  Owners and grants are those of roles that may not be there: who is missing is made by `tenfold migrate up`. */
export async function restoreDump(
  url: string,
  major: number,
  source: AsyncIterable<Buffer>,
  options: { clean: boolean },
): Promise<void> {
  const program = (await findProgram('pg_restore', major)) ?? 'pg_restore'
  const { args, env, database } = connection(url)
  const how = [
    '--exit-on-error',
    '--single-transaction',
    '--no-password',
    ...(options.clean ? ['--clean', '--if-exists'] : []),
  ]
  const child = spawn(program, [...args.slice(0, -1), `--dbname=${database}`, ...how], {
    env,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const ended = outcome(child, 'pg_restore')
  const fed = pipeline(source, child.stdin)
  const [end, feed] = await Promise.allSettled([ended, fed])
  // It may end before it has read everything: then its own words say why.
  if (feed.status === 'rejected' && (feed.reason as { code?: string }).code !== 'EPIPE') {
    child.kill()
    throw feed.reason
  }
  if (end.status === 'rejected') throw end.reason
}

function outcome(child: ChildProcess, name: string): Promise<void> {
  let said = ''
  child.stderr!.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(said.trim() || `${name} ended with ${code}`)),
    )
  })
}

/** The password goes through the environment: arguments can be read by everyone on the machine. */
function connection(url: string): { args: string[]; env: NodeJS.ProcessEnv; database: string } {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url)
  const database = decodeURIComponent(pathname.slice(1))
  const sslmode = searchParams.get('sslmode')
  return {
    args: [
      `--host=${searchParams.get('host') ?? hostname}`,
      `--port=${port || 5432}`,
      `--username=${decodeURIComponent(username)}`,
      `--dbname=${database}`,
    ],
    env: {
      PATH: process.env.PATH,
      LC_ALL: 'C',
      PGPASSWORD: decodeURIComponent(password),
      ...(sslmode && { PGSSLMODE: sslmode }),
    },
    database,
  }
}
