/** The database of the observations: its own tables, in schema `tenfold`, and nothing else. */
import { migrate, openDatabase, type Database, type Sql, type SystemDatabase } from '../database/index.ts'
import { migrations as evidenceMigrations } from '../evidence/index.ts'
import { migrations as inspectMigrations } from '../inspect/index.ts'
import { messageOf, type TenfoldError } from '../kernel/index.ts'
import { createTelemetry } from '../telemetry/index.ts'

const SOURCES = [inspectMigrations, evidenceMigrations]
const RETRY_MS = 15_000

/** Connects when something is asked, and counts none of what we ask among what the app asks. */
export function openQuietly(
  url: string,
  app: string,
  { connections: maxConnections, keepAlive }: { connections: number; keepAlive: boolean },
): Database {
  return openDatabase({
    url,
    app,
    secretKey: '',
    roleMode: 'shared',
    telemetry: createTelemetry({ service: app, env: 'production', instance: 'observe', level: 'silent' }),
    maxConnections,
    watch: false,
    keepAlive,
  })
}

/** The database before it can be used: it may have to be started, or be away. */
export interface Coming {
  /** Its statements wait until it is there. */
  patient(connections: number): SystemDatabase
  /** Its statements fail while it is known why it is not there. */
  prompt(connections: number): SystemDatabase
}

/** Makes the tables that are not there, and tries again for as long as that fails. Makes no roles and changes no rights: the
 *  database may be the app's own.
 *  @param address rejects where there will be none */
export function prepare(address: Promise<string>, app: string, say: (line: string) => void): Coming {
  let problem: Error | undefined
  const attempt = async (): Promise<string> => {
    const url = await address
    for (;;) {
      try {
        await migrate({ url, app, secretKey: '', sources: SOURCES, roleMode: 'shared' })
        problem = undefined
        return url
      } catch (error) {
        if (problem === undefined) say(`nothing is kept for now: ${messageOf(error)}`)
        problem = error as Error
        await new Promise<void>((resolve) => void setTimeout(resolve, RETRY_MS).unref())
      }
    }
  }
  const prepared = attempt()
  prepared.catch((error: TenfoldError) => {
    problem = error
    const { message, fix } = error
    say(`${message} Fix: ${fix}`)
  })
  const open = (connections: number, check: () => void): SystemDatabase => {
    const ready = prepared.then((url) => openQuietly(url, app, { connections, keepAlive: false }).system)
    ready.catch(() => {}) // whoever asks hears of it
    return later(async () => {
      check()
      return ready
    })
  }
  return {
    patient: (connections) => open(connections, () => {}),
    prompt: (connections) => {
      const db = open(connections, () => {
        if (problem !== undefined) throw problem
      })
      return {
        ...db,
        query: (text, values) => db.query<never>(text, values).catch(onceMore(() => db.query(text, values))),
      }
    },
  }
}

/** Days are made and dropped in one transaction for all tables: who reads several of them just then may be in its way. */
const DEADLOCK = '40P01'

function onceMore<T>(again: () => Promise<T>): (error: { code?: string }) => Promise<T> {
  return (error) => (error.code === DEADLOCK ? again() : Promise.reject(error))
}

function later(ready: () => Promise<SystemDatabase>): SystemDatabase {
  return {
    query: (async (text, values) => (await ready()).query(text, values)) as Sql['query'],
    transaction: async (fn) => (await ready()).transaction(fn),
    listen: async (channel, onMessage) => (await ready()).listen(channel, onMessage),
  }
}
