/** DuckDB, in the process and on a file (https://duckdb.org/docs/stable/clients/node_neo/overview). One process at a time has
 *  the file. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { importPeer, messageOf, TenfoldError } from '../../kernel/index.ts'
import type { Columns, Dialect, Question } from '../columns/columns.ts'
import { AnalyticsColumns } from '../errors.ts'

/** What we use of `@duckdb/node-api`; structural, so that its types stay with whoever installs it. */
interface Connection {
  run(sql: string, values?: string[]): Promise<unknown>
  stream(sql: string, values?: string[]): Promise<Rows>
  closeSync(): void
}
interface Rows {
  fetchChunk(): Promise<Chunk | null>
}
interface Chunk {
  rowCount: number
  getColumnVector(column: number): { items?: Float64Array; getItem(row: number): unknown }
}

/** Undefined: another process has the file. */
export async function openDuckDb(file: string): Promise<Columns | undefined> {
  const { DuckDBInstance } = await importPeer(
    '@duckdb/node-api',
    'ANALYTICS_COLUMNS=duckdb:…',
    () => import('@duckdb/node-api'),
  )
  return told(async () => {
    await mkdir(dirname(file), { recursive: true })
    const instance = await DuckDBInstance.fromCache(file, settings()).catch((error: unknown) => {
      if (/lock on file/i.test(String(error))) return undefined
      throw error
    })
    if (!instance) return undefined
    try {
      const connect = async (): Promise<Connection> => (await instance.connect()) as unknown as Connection
      const writer = await connect()
      for (const table of TABLES) await writer.run(table)
      return duckDbColumns(file, connect, writer, () => instance.closeSync())
    } catch (error) {
      instance.closeSync()
      throw error
    }
  })
}

const MIB = 1024 * 1024

/** It lives in a process that has an app to serve: a quarter of the memory of the machine or container, half of the cores. DuckDB
 *  would take four fifths and all (https://duckdb.org/docs/stable/configuration/overview). It loads nothing from elsewhere. */
function settings(): Record<string, string> {
  const limit = process.constrainedMemory()
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  return {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    memory_limit: `${Math.max(128, Math.floor(memory / 4 / MIB))}MiB`,
    threads: String(Math.max(1, Math.floor(availableParallelism() / 2))),
  }
}

/** A file that is none, a disk that is full: what fails here is the copy, and says so. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof TenfoldError) throw error
    throw AnalyticsColumns({ problem: messageOf(error) }, { cause: error })
  }
}

const TABLES = [
  `create table if not exists event (ts bigint, person bigint, name_id int, name varchar, seq int, xact bigint,
     texts map(varchar, varchar), numbers map(varchar, double))`,
  'create table if not exists merged (person bigint, into_id bigint, xact bigint)',
  'create table if not exists followed (until bigint)',
]
const EVENT =
  "{ts: 'bigint', person: 'bigint', name_id: 'int', name: 'varchar', seq: 'int', xact: 'bigint', texts: 'map(varchar, varchar)', numbers: 'map(varchar, double)'}"
const MERGED = "{person: 'bigint', into_id: 'bigint', xact: 'bigint'}"
/** Lines are handed over through a file of this size at most. */
const PART_BYTES = 16 * 1024 * 1024

function duckDbColumns(
  file: string,
  connect: () => Promise<Connection>,
  writer: Connection,
  closeInstance: () => void,
): Columns {
  const part = `${file}.${process.pid}.part`
  const run = (sql: string): Promise<unknown> => told(() => writer.run(sql))
  /** A connection of its own for each question: a stream holds it. */
  const reading = <T>({ sql, values }: Question, take: (rows: Rows) => Promise<T>): Promise<T> =>
    told(async () => {
      const connection = await connect()
      try {
        return await take(await connection.stream(sql, [...values]))
      } finally {
        connection.closeSync()
      }
    })
  const load = async (table: string, columns: string, lines: AsyncIterable<string>): Promise<void> => {
    const store = async (text: string): Promise<void> => {
      if (text === '') return
      await told(() => writeFile(part, text, { mode: 0o600 }))
      await run(
        `insert into ${table} by name select * from read_json('${part.replaceAll("'", "''")}', format = 'newline_delimited', columns = ${columns})`,
      )
    }
    let gathered: string[] = []
    let size = 0
    for await (const text of lines) {
      gathered.push(text)
      size += text.length
      if (size < PART_BYTES) continue
      await store(gathered.join(''))
      gathered = []
      size = 0
    }
    await store(gathered.join(''))
  }

  return {
    dialect: DIALECT,

    async position() {
      return (await reading({ sql: 'select until::varchar from followed', values: [], columns: 1 }, textsOf))[0] ?? '0'
    },

    async copy(from, until, { events, merged, forgotten }) {
      await run('begin transaction')
      try {
        for (const table of ['event', 'merged']) {
          await run(`delete from ${table} where xact >= ${BigInt(from)} and ${BigInt(from)} > 0`)
        }
        await load('event', EVENT, events)
        await load('merged', MERGED, merged)
        for await (const people of forgotten) {
          for (const table of ['event', 'merged']) {
            await run(`delete from ${table} where person in (${people.map(Number).join(', ')})`)
          }
        }
        await run('delete from followed')
        await run(`insert into followed values (${BigInt(until)})`)
        await run('commit')
      } catch (error) {
        // Where the engine has rolled back by itself there is nothing to do, and what happened before is what is told.
        await run('rollback').catch(() => {})
        throw error
      } finally {
        await rm(part, { force: true })
      }
    },

    async clear() {
      for (const table of ['event', 'merged', 'followed']) await run(`delete from ${table}`)
    },

    async dropBefore(us) {
      await run(`delete from event where ts < ${Math.floor(us)}`)
    },

    numbers: (question) =>
      reading({ ...question, sql: `select columns(*)::double from (${question.sql})` }, (rows) =>
        numbersOf(rows, question.columns),
      ),
    texts: (question) => reading(question, textsOf),
    async close() {
      writer.closeSync()
      closeInstance()
    },
  }
}

const DIALECT: Dialect = {
  from: 'event e left join merged m on m.person = e.person',
  placeholder: (place) => `$${place}`,
  text: (key) => `map_extract_value(e.texts, ${key})`,
  number: (key) => `map_extract_value(e.numbers, ${key})`,
  hash: (text) => `(hash(${text}) & 9007199254740991::ubigint)::bigint`,
  divide: (a, b) => `(${a} // ${b})`,
  contains: (text, part) => `contains(lower(${text}), lower(${part}))`,
  bit: (place) => `(1::bigint << (${place}))`,
  bitOr: (value) => `bit_or(${value})`,
}

async function numbersOf(rows: Rows, columns: number): Promise<Float64Array[]> {
  const chunks: Float64Array[][] = []
  let length = 0
  for (let chunk = await rows.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await rows.fetchChunk()) {
    const { rowCount } = chunk
    chunks.push(Array.from({ length: columns }, (_, c) => chunk!.getColumnVector(c).items!.slice(0, rowCount)))
    length += rowCount
  }
  return Array.from({ length: columns }, (_, c) => {
    const all = new Float64Array(length)
    let at = 0
    for (const chunk of chunks) {
      all.set(chunk[c]!, at)
      at += chunk[c]!.length
    }
    return all
  })
}

async function textsOf(rows: Rows): Promise<string[]> {
  const texts: string[] = []
  for (let chunk = await rows.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await rows.fetchChunk()) {
    const vector = chunk.getColumnVector(0)
    for (let i = 0; i < chunk.rowCount; i++) texts.push(String(vector.getItem(i)))
  }
  return texts
}
