/** The socket of a connection that `pg` has opened and logged in. From then on it is ours: what a statement costs the client is
 *  mostly what happens between the socket and the row, and the driver's way there (a stream, an object and an event for each
 *  message, a queue) costs as much as the rest. Ending the connection, and hearing of its loss, stay the driver's.
 *
 *    W1  One statement at a time: those that come meanwhile wait in line.
 *    W2  Every statement ends exactly once, with its answer, with the server's error, or with the loss of the connection.
 *    W3  What is handed on of an answer is valid until the call returns: the bytes below are read over again.
 *    W4  It knows whether it is lost, and whether a transaction is open on it: nobody has to guess either from an error. */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type pg from 'pg'
import { copyFailMessage, errorOf } from './messages.ts'

/** One statement that waits for its answer. */
export interface Asked {
  /** What sends it. May throw: then nothing was sent, and `failed` is told. */
  message(): Buffer
  /** A message of the answer: its type, and where its content lies. */
  take(type: number, bytes: Buffer, from: number, to: number): void
  /** The server is ready for the next one. */
  ended(): void
  /** There is no answer. */
  failed(error: unknown): void
}

const READY = 0x5a
const ERROR = 0x45
const COPY_IN = 0x47
/** Of ReadyForQuery: no transaction is open. The others are T, and E for one that has failed. */
const IDLE = 0x49
/** Type and length. */
const HEADER = 5

/** All sockets are read into the same bytes: what they say is taken out before the next read. */
const CHUNK = Buffer.allocUnsafeSlow(65_536)

/** A socket that, once there is somebody who reads, hands on what comes without making a buffer of it. */
export class WireSocket extends Socket {
  reader: ((bytes: Buffer, length: number) => void) | undefined

  constructor() {
    super({
      onread: {
        buffer: CHUNK,
        callback: (length) => {
          if (this.reader) this.reader(CHUNK, length)
          else this.emit('data', Buffer.from(CHUNK.subarray(0, length)))
          return true
        },
      },
    })
  }
}

export class Wire {
  readonly #client: pg.Client
  readonly #stream: Duplex
  readonly #line: Asked[] = []
  #asked: Asked | undefined
  #lost: unknown
  #status = IDLE
  /** The beginning of a message whose end has not come. */
  #kept: Buffer | undefined
  #keptLength = 0

  /** @param client connected, with nothing on its way; its own `query` is of no use from now on */
  constructor(client: pg.Client) {
    this.#client = client
    this.#stream = streamOf(client)
    const read = (bytes: Buffer, length: number): void => this.#read(bytes, length)
    this.#stream.removeAllListeners('data')
    if (this.#stream instanceof WireSocket) this.#stream.reader = read
    else this.#stream.on('data', (chunk: Buffer) => read(chunk, chunk.length))
    if (this.#stream.destroyed) this.#lost = new Error('Connection terminated')
    client.on('error', (error) => this.#fail(error))
    client.on('end', () => this.#fail(new Error('Connection terminated')))
  }

  /** Whether it is of no use any more. A statement that fails for another reason, here or there, leaves it as it is. */
  get lost(): boolean {
    return this.#lost !== undefined
  }

  /** Whether a transaction was open after the last answer, a failed one included. */
  get inTransaction(): boolean {
    return this.#status !== IDLE
  }

  /** Ends the connection; where an answer is still to come, without waiting for it. */
  async end(): Promise<void> {
    if (this.#asked) this.#stream.destroy()
    await endClient(this.#client)
  }

  ask(asked: Asked): void {
    if (this.#lost) asked.failed(this.#lost)
    else if (this.#asked) this.#line.push(asked)
    else this.#send(asked)
  }

  #send(asked: Asked): void {
    this.#asked = asked
    try {
      this.#stream.write(asked.message())
    } catch (error) {
      this.#asked = undefined
      asked.failed(error)
      this.#next()
    }
  }

  #next(): void {
    if (this.#asked || this.#line.length === 0) return
    this.#send(this.#line.shift()!)
  }

  #fail(error: unknown): void {
    if (this.#lost) return
    this.#lost = error
    const waiting = this.#line.splice(0)
    if (this.#asked) waiting.unshift(this.#asked)
    this.#asked = undefined
    for (const one of waiting) one.failed(error)
  }

  #read(chunk: Buffer, length: number): void {
    if (this.#kept === undefined) {
      const end = this.#takeAll(chunk, length)
      if (end < length) this.#keep(chunk, end, length)
      return
    }
    const buffer = this.#keep(chunk, 0, length)
    const held = this.#keptLength
    const end = this.#takeAll(buffer, held)
    if (end === held) this.#kept = undefined
    else if (end > 0) buffer.copyWithin(0, end, held)
    this.#keptLength = held - end
  }

  /** Doubles its room when it has to grow, so that a message of many chunks is not copied with each of them. */
  #keep(bytes: Buffer, from: number, to: number): Buffer {
    const length = this.#kept ? this.#keptLength : 0
    const needed = length + to - from
    if (!this.#kept || this.#kept.length < needed) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * length))
      this.#kept?.copy(larger, 0, 0, length)
      this.#kept = larger
    }
    bytes.copy(this.#kept, length, from, to)
    this.#keptLength = needed
    return this.#kept
  }

  /** Takes all messages that are there in full; returns where they end. */
  #takeAll(bytes: Buffer, length: number): number {
    let at = 0
    while (length - at >= HEADER) {
      const size = bytes.readUInt32BE(at + 1)
      const next = at + 1 + size
      if (next > length) break
      if (size < 4) {
        this.#stream.destroy(new Error('the server sent what is no message'))
        return length
      }
      this.#take(bytes[at]!, bytes, at + HEADER, next)
      at = next
    }
    return at
  }

  #take(type: number, bytes: Buffer, from: number, to: number): void {
    const asked = this.#asked
    if (asked === undefined) {
      // What nobody asked for: the server ends the connection, or says something that we need not know.
      if (type === ERROR) this.#client.emit('error', errorOf(bytes, from, to))
      return
    }
    if (type === READY) {
      this.#asked = undefined
      this.#status = bytes[from]!
      asked.ended()
      this.#next()
    } else if (type === COPY_IN) {
      this.#stream.write(copyFailMessage('There is nothing to copy from.'))
    } else {
      asked.take(type, bytes, from, to)
    }
  }
}

/** The socket of a client, TLS around it where there is any. */
function streamOf(client: pg.Client): Duplex {
  return (client as unknown as { connection: { stream: Duplex } }).connection.stream
}

/** Says goodbye, and hangs up when the server does not answer within a second: `end` alone would wait for it for ever. */
export async function endClient(client: pg.Client): Promise<void> {
  const stream = streamOf(client)
  const timer = setTimeout(() => stream.destroy(), 1000)
  await client.end().catch(() => {})
  clearTimeout(timer)
}
