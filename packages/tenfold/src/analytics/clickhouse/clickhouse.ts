/** ClickHouse over HTTP (https://clickhouse.com/docs/interfaces/http). Without transactions: rows that come again replace
 *  themselves, by a key that contains all that tells them apart, and the position is written last. */
import { messageOf } from '../../kernel/index.ts'
import type { Columns, Dialect, Question } from '../columns/columns.ts'
import { AnalyticsColumns } from '../errors.ts'

const TABLES = [
  `create table if not exists event (ts Int64, person Int64, name_id Int32, name LowCardinality(String), seq Int32, id UUID,
     xact Int64, texts Map(String, String), numbers Map(String, Float64))
   engine = ReplacingMergeTree partition by toYYYYMM(fromUnixTimestamp64Micro(ts)) order by (name, ts, person, seq, id)`,
  'create table if not exists merged (person Int64, into_id Int64, xact Int64) engine = ReplacingMergeTree order by person',
  'create table if not exists followed (one UInt8, until UInt64) engine = ReplacingMergeTree(until) order by one',
]
const SETTINGS = {
  // Whoever was not merged is null, as in the standard, and not 0.
  join_use_nulls: '1',
  // Copies of a row are of the same time, hence in the same month.
  do_not_merge_across_partitions_select_final: '1',
}
/** What a question may take, in milliseconds. */
const QUESTION_MS = 120_000
/** And what changes the copy: deleting rewrites whole parts. `fetch` itself waits no longer than 300 s for an answer to begin. */
const CHANGE_MS = 290_000
const PART_BYTES = 16 * 1024 * 1024

/** `http://user:password@host:8123/database`; the database has to exist, the tables are made. */
export async function openClickHouse(address: string): Promise<Columns> {
  const send = sender(new URL(address))
  for (const table of TABLES) await send(table)
  const numbersOf = ({ sql, values }: Question): Promise<Buffer> =>
    send(`select * apply(x -> assumeNotNull(toFloat64(x))) from (${sql}) format RowBinary`, values)
  const insert = async (table: string, lines: AsyncIterable<string>): Promise<void> => {
    let gathered: string[] = []
    let size = 0
    const flush = async (): Promise<void> => {
      if (size > 0) await send(`insert into ${table} format JSONEachRow`, [], gathered.join(''))
      gathered = []
      size = 0
    }
    for await (const text of lines) {
      gathered.push(text)
      size += text.length
      if (size >= PART_BYTES) await flush()
    }
    await flush()
  }

  return {
    dialect: DIALECT,

    async position() {
      const until = await send('select toString(max(until)) from followed format TSV')
      return until.toString().trim()
    },

    async copy(_from, until, { events, merged, forgotten }) {
      await insert('event', events)
      await insert('merged', merged)
      for await (const people of forgotten) {
        // Rewritten, and not only hidden, when it answers; the server removes the old parts some minutes later.
        for (const table of ['event', 'merged']) {
          await send(
            `alter table ${table} delete where person in (${people.map(Number).join(', ')}) settings mutations_sync = 2`,
          )
        }
      }
      await send(`insert into followed values (1, ${BigInt(until)})`)
    },

    async clear() {
      for (const table of ['event', 'merged', 'followed']) await send(`truncate table ${table}`)
    },

    async dropBefore(us) {
      await send(`alter table event delete where ts < ${Math.floor(us)} settings mutations_sync = 2`)
    },

    async numbers(question) {
      return columnsOf(await numbersOf(question), question.columns)
    },

    async texts({ sql, values }) {
      const lines = (await send(`${sql} format JSONCompactEachRow`, values)).toString().split('\n')
      return lines.filter(Boolean).map((line) => String((JSON.parse(line) as unknown[])[0]))
    },

    async close() {},
  }
}

const DIALECT: Dialect = {
  from: 'event as e final left join merged as m final on m.person = e.person',
  placeholder: (place) => `{p${place}:String}`,
  text: (key) => `if(mapContains(e.texts, ${key}), e.texts[${key}], null)`,
  number: (key) => `if(mapContains(e.numbers, ${key}), e.numbers[${key}], null)`,
  hash: (text) => `toInt64(bitAnd(cityHash64(${text}), 9007199254740991))`,
  divide: (a, b) => `intDiv(${a}, ${b})`,
  contains: (text, part) => `position(lowerUTF8(${text}), lowerUTF8(${part})) > 0`,
  bit: (place) => `bitShiftLeft(toUInt64(1), ${place})`,
  bitOr: (value) => `groupBitOr(${value})`,
}

/** Statements with parameters in the address, each as the server reads it: escaped like a value of TSV. */
function sender({ origin, username, password, pathname }: URL) {
  const headers = {
    'x-clickhouse-user': decodeURIComponent(username) || 'default',
    'x-clickhouse-key': decodeURIComponent(password),
    'x-clickhouse-database': pathname.slice(1) || 'default',
  }
  return async (sql: string, values: readonly string[] = [], data?: string): Promise<Buffer> => {
    const ms = sql.startsWith('select ') ? QUESTION_MS : CHANGE_MS
    const url = new URL(`${origin}/`)
    for (const [name, value] of Object.entries(SETTINGS)) url.searchParams.set(name, value)
    values.forEach((value, i) => url.searchParams.set(`param_p${i + 1}`, escaped(value)))
    if (data !== undefined) url.searchParams.set('query', sql)
    try {
      const answer = await fetch(url, { method: 'POST', headers, body: data ?? sql, signal: AbortSignal.timeout(ms) })
      const body = Buffer.from(await answer.arrayBuffer())
      if (!answer.ok) throw new Error(body.toString().split('\n')[0]!.slice(0, 500))
      return body
    } catch (error) {
      throw AnalyticsColumns({ problem: messageOf(error) }, { cause: error })
    }
  }
}

function escaped(text: string): string {
  return text.replace(
    /[\\\t\n\r\0]/g,
    (char) => ({ '\t': '\\t', '\n': '\\n', '\r': '\\r', '\0': '\\0' })[char] ?? '\\\\',
  )
}

const DOUBLE_BYTES = 8

function columnsOf(rows: Buffer, columns: number): Float64Array[] {
  const length = rows.length / (DOUBLE_BYTES * columns)
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength)
  return Array.from({ length: columns }, (_, c) =>
    Float64Array.from({ length }, (__, i) => view.getFloat64((i * columns + c) * DOUBLE_BYTES, true)),
  )
}
