import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { parse as parseForm } from 'node:querystring'
import { BodyMalformed, BodyTooLarge, ContentTypeUnsupported } from './errors.ts'

type Headed = Pick<IncomingMessage, 'headers'>

/** Whether a body follows the headers. */
export function hasBody(raw: Headed): boolean {
  const length = raw.headers['content-length']
  return raw.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/** Refuses, before a byte is read, what the headers already tell: too long, compressed, of a type that is not read here. */
export function checkBodyHeaders(raw: Headed, limit: number, anyType: boolean): void {
  if (Number(raw.headers['content-length'] ?? 0) > limit) throw BodyTooLarge({ limit })
  if (anyType) return
  // A compressed body could unpack to a thousand times its size; nothing that we send needs it on the way in.
  const encoding = raw.headers['content-encoding']
  if (encoding && encoding !== 'identity') throw ContentTypeUnsupported({ given: `${encoding}-compressed` })
  const type = mediaType(raw)
  if (!isJson(type) && type !== 'application/x-www-form-urlencoded') {
    throw ContentTypeUnsupported({ given: type.slice(0, 100) || 'unknown' })
  }
}

/** Reads a whole body of at most `limit` bytes. How long it may take is for the watch to say. */
export function readBody(raw: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    // The client may have gone while its session was looked up: no event will say so any more.
    if (raw.destroyed) return reject(BodyMalformed({ problem: 'the connection was cut' }))
    let over = false
    const done = (error?: Error): void => {
      if (over) return
      over = true
      if (error) reject(error)
      else resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size))
    }
    const cut = (): void => {
      if (!over) done(BodyMalformed({ problem: 'the connection was cut' }))
    }
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size <= limit) return void chunks.push(chunk)
      raw.off('data', onData)
      done(BodyTooLarge({ limit }))
    }
    // Not `once`, which costs two closures and a removal: `done` hears the first of them only.
    raw
      .on('data', onData)
      .on('end', () => done())
      .on('error', cut)
      .on('close', cut)
  })
}

/** The bytes as a value: JSON, or form fields (a repeated field becomes an array). */
export function parseBody(raw: Headed, bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw BodyMalformed({ problem: 'it is not UTF-8' })
  const text = bytes.toString('utf8')
  if (!isJson(mediaType(raw))) return harmless({ ...parseForm(text, '&', '=', { maxKeys: 1000 }) })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw BodyMalformed({ problem: text.trim() === '' ? 'it is empty' : 'it is not JSON' })
  }
  return isSuspect(text) ? harmless(value) : value
}

/** What a body must hold, in some spelling, to be harmful; nearly all bodies are not looked at further. Three plain searches:
 *  one expression for all of them stops at every character. */
function isSuspect(text: string): boolean {
  return text.includes('\\u00') || text.includes('__proto__') || text.includes('"constructor"')
}

/** The value, unless it could change a prototype when copied, or holds a NUL: no text column can keep one, so it is
 *  refused here, where it is a 400, and not by the database, where it would be a 500. Without recursion: depth is free. */
function harmless(value: unknown): unknown {
  const open = [value]
  while (open.length > 0) {
    const item = open.pop()
    if (typeof item === 'string' && item.includes('\0')) throw BodyMalformed({ problem: 'it holds a NUL character' })
    if (typeof item !== 'object' || item === null) continue
    for (const [key, inner] of Object.entries(item)) {
      const poison = key === '__proto__' || (key === 'constructor' && Object.hasOwn(Object(inner), 'prototype'))
      if (poison) throw BodyMalformed({ problem: `it holds the forbidden key '${key}'` })
      if (key.includes('\0')) throw BodyMalformed({ problem: 'it holds a NUL character' })
      open.push(inner)
    }
  }
  return value
}

function mediaType(raw: Headed): string {
  if (raw.headers['content-type'] === 'application/json') return 'application/json'
  return (raw.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
}

function isJson(type: string): boolean {
  return type === 'application/json' || (type.startsWith('application/') && type.endsWith('+json'))
}
