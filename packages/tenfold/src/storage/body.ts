/** Bodies of uploads, of whatever kind, as chunks of bytes. */
import { addAbortSignal, Readable } from 'node:stream'
import type { Body } from './storage.ts'

/** What an upload may have unless it says otherwise. */
export const MAX_BYTES = 5 * 1024 ** 3

export function streamOf(body: Body, signal: AbortSignal | undefined): AsyncIterable<unknown> {
  const stream = isWhole(body)
    ? Readable.from([body])
    : body instanceof Readable
      ? body
      : body instanceof ReadableStream
        ? Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])
        : Readable.from(body)
  return signal ? addAbortSignal(signal, stream) : stream
}

/** Nobody writes into it while we wait. */
export function isWhole(body: Body): body is string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array
}

export function bytesOf(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  throw new TypeError('A body gives bytes or strings.')
}
