/** Postgres' replication protocol over `pg`: commands, streams of bytes, and positions in the log. */
import pg from 'pg'
import { messageOf } from '../kernel/index.ts'

/** What `pg` has inside and we use: the socket, for back-pressure, and the two messages of a replication stream. */
interface Wire {
  stream: { pause(): void; resume(): void; destroy(): void }
  sendCopyFromChunk(bytes: Buffer): void
  endCopyFrom(): void
  on(event: 'replicationStart', listener: () => void): void
}

type Answered = (error: Error | null, result: pg.QueryResult | pg.QueryResult[]) => void

/** In the types of `pg` it takes no callback. */
const Query = pg.Query as unknown as new (command: string, answered: Answered) => object

export interface Replication {
  /** Answers of a command that gives rows; one array for each set of rows. */
  ask(command: string): Promise<Record<string, string>[][]>
  /** Runs a command that answers with a stream. `onBytes` returns false to be given no more until `resume`. */
  stream(command: string, onBytes: (bytes: Buffer) => boolean): Promise<Record<string, string>[][]>
  /** To the server, inside of a stream. */
  send(bytes: Buffer): void
  /** Ends a stream in both directions. */
  finish(): void
  resume(): void
  close(): Promise<void>
}

/** Connects as the user of `url`, who needs the right to replicate. */
export async function replicate(url: string, name: string): Promise<Replication> {
  const client = new pg.Client({
    connectionString: url,
    application_name: name,
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
    // Not in the types of `pg`, but passed to the server.
    ...({ replication: 'true' } as object),
  })
  client.on('error', () => {}) // the command that was running reports it
  const wire = (client as unknown as { connection: Wire }).connection
  await client.connect()
  const run = (command: string, onBytes?: (bytes: Buffer) => boolean): Promise<Record<string, string>[][]> =>
    new Promise((resolve, reject) => {
      const query = new Query(command, (error, result) =>
        error ? reject(error) : resolve([result].flat().map(({ rows }) => rows as Record<string, string>[])),
      )
      Object.assign(query, {
        handleCopyData: ({ chunk }: { chunk: Buffer }) => {
          try {
            // The buffer is the parser's own, and used again for what comes next.
            if (onBytes && !onBytes(Buffer.from(chunk))) wire.stream.pause()
          } catch (error) {
            reject(error as Error)
            wire.stream.destroy()
          }
        },
      })
      client.query(query as never)
    })
  return {
    ask: (command) => run(command),
    stream: run,
    send: (bytes) => wire.sendCopyFromChunk(bytes),
    finish: () => wire.endCopyFrom(),
    resume: () => wire.stream.resume(),
    async close() {
      wire.stream.resume()
      const timer = setTimeout(() => wire.stream.destroy(), 1000)
      await client.end().catch(() => {})
      clearTimeout(timer)
    },
  }
}

/** A position in the log, `0/3000148`, as a number of bytes. */
export function positionOf(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/')
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

export function lsnOf(position: bigint): string {
  return `${(position >> 32n).toString(16).toUpperCase()}/${(position & 0xffffffffn).toString(16).toUpperCase()}`
}

/** The name of the segment file that holds a position, and where that file begins. */
export function segmentAt(timeline: number, position: bigint, bytes: number): { name: string; begin: bigint } {
  const size = BigInt(bytes)
  const number = position / size
  const perFile = 0x100000000n / size
  const hex = (value: bigint): string => value.toString(16).toUpperCase().padStart(8, '0')
  return {
    name: `${hex(BigInt(timeline))}${hex(number / perFile)}${hex(number % perFile)}`,
    begin: number * size,
  }
}

/** `16MB`, as the server shows sizes. */
export function bytesOf(shown: string): number {
  const [, number = '', unit = ''] = /^(\d+)\s*(B|kB|MB|GB)?$/.exec(shown) ?? []
  return Number(number) * { '': 1, B: 1, kB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 }[unit]!
}

/** Whether the server lets us replicate over this address, or why not. */
export async function whyNotReplicate(url: string): Promise<string | undefined> {
  try {
    const connection = await replicate(url, 'tenfold/backup')
    await connection.ask('IDENTIFY_SYSTEM')
    await connection.close()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
