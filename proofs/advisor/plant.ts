/** Faults that are not in the app: they are planted around it. */
import { spawn } from 'node:child_process'
import pg from 'pg'
import type { Play } from './stage.ts'

async function asAdministrator(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

/** Nine of ten connections of the server, for nothing. */
export async function takeConnections({ url, defer }: Play): Promise<void> {
  let most = 0
  await asAdministrator(url, async (client) => {
    most = Number((await client.query<{ max_connections: string }>('show max_connections')).rows[0]!.max_connections)
  })
  const clients = Array.from(
    { length: Math.floor(most * 0.8) },
    () => new pg.Client({ connectionString: url, application_name: 'advised/idle' }),
  )
  await Promise.all(clients.map((client) => client.connect()))
  defer(() => Promise.all(clients.map((client) => client.end())))
}

export function churn({ url }: Play): Promise<void> {
  return asAdministrator(url, async (client) => {
    for (let i = 0; i < 700; i++) await client.query('update work.churn set n = n + 1')
    await client.query('select pg_stat_force_next_flush()')
  })
}

/** Loops in processes that are none of the app's. */
export async function crowd({ defer }: Play): Promise<void> {
  for (let i = 0; i < 4; i++) {
    const child = spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' })
    defer(() => void child.kill('SIGKILL'))
  }
}

/** Somebody else's report, six of it at a time, in the same database. */
export async function strangers({ url, defer }: Play): Promise<void> {
  for (let i = 0; i < 6; i++) {
    const client = new pg.Client({ connectionString: url, application_name: 'report' })
    await client.connect()
    client.on('error', () => {})
    let ended = false
    const endless = async (): Promise<void> => {
      while (!ended)
        await client.query('select sum(n % 7) from generate_series(1, 3000000) n').catch(() => (ended = true))
    }
    const running = endless()
    defer(async () => {
      ended = true
      await running
      await client.end()
    })
  }
}

/** A disk on which the log takes a tenth of a second to be safe: Postgres waits for so long before it writes it out, and holds
 *  what a slow disk would hold. */
export function slowDisk({ url }: Play): Promise<void> {
  return asAdministrator(url, async (client) => {
    const { rows } = await client.query<{ name: string }>('select quote_ident(current_database()) as name')
    for (const setting of ['commit_delay = 100000', 'commit_siblings = 0', 'synchronous_commit = on'])
      await client.query(`alter database ${rows[0]!.name} set ${setting}`)
  })
}

/** A replica that receives and does not replay. */
export async function stuckReplica(play: Play): Promise<void> {
  await (await play.replica()).pause()
}

/** Processes of the app that do nothing but its jobs. */
export async function workers(play: Play, n: number): Promise<void> {
  for (let i = 0; i < n; i++) await play.begin({ roles: ['worker'], concurrency: 1 })
}
