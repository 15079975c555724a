import type { IncomingMessage } from 'node:http'
import { Transform, type Readable } from 'node:stream'
import { type AnySchema, type Issue, type Validated, validateNow } from '../kernel/index.ts'
import { checkBodyHeaders, hasBody, parseBody, readBody } from './body.ts'
import { BadRequest, BodyMalformed, BodyTooLarge, Invalid } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { PlainRequest } from './plain/index.ts'

/** Reads and validates all that the route declares: path and query first, since they cost no waiting. Gives a promise only
 *  where something has to be waited for. */
export function readInput(x: Exchange): Promise<void> | undefined {
  const { route } = x.route
  // A NUL fits no text column, and some file APIs stop reading at it.
  if (x.url.includes('%00')) throw BadRequest({ problem: 'its URL holds a NUL character' })
  if (!route.params && !route.query && !route.headers) {
    x.query = {}
    return readBodyOf(x)
  }
  return readParts(x)
}

async function readParts(x: Exchange): Promise<void> {
  const { route } = x.route
  const query = x.query as Record<string, unknown>
  x.query = {}
  if (route.params) x.params = await checked(route.params, { ...(x.params as object) }, 'params')
  if (route.query) x.query = await checked(route.query, queryValues(x, query), 'query')
  if (route.headers) x.headerValues = await checked(route.headers, headersOf(x), 'headers')
  await readBodyOf(x)
}

function readBodyOf(x: Exchange): Promise<void> | undefined {
  const { route } = x.route
  if (route.body === 'stream') x.body = openStream(x)
  else if (route.body || route.raw) return readWholeBody(x)
  return undefined
}

function checked(schema: AnySchema, value: unknown, part: Part): unknown {
  const result = validateNow(schema, value)
  return result instanceof Promise ? result.then((late) => valueOf(late, part)) : valueOf(result, part)
}

type Part = 'params' | 'query' | 'headers' | 'body'

function valueOf(result: Validated<unknown>, part: Part): unknown {
  if (!result.ok) throw Invalid({ part, issues: shortened(result.issues) })
  return result.value
}

/** A hostile body can break a schema in a hundred thousand places; nobody reads more than the first of them. */
function shortened(issues: Issue[]): Issue[] {
  return issues.slice(0, 50).map(({ path, message }) => ({ path: path.slice(0, 200), message: message.slice(0, 500) }))
}

/** What the route declares of the headers; names are compared without regard to case, as HTTP has it. */
function headersOf(x: Exchange): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const name of x.route.headerNames) {
    const value = x.headers[name.toLowerCase()]
    if (value !== undefined) given[name] = value
  }
  return given
}

function queryValues(x: Exchange, query: Record<string, unknown>): Record<string, unknown> {
  const values = { ...query }
  for (const key of x.route.arrayKeys) {
    if (typeof values[key] === 'string') values[key] = [values[key]]
  }
  return values
}

function readWholeBody(x: Exchange): Promise<void> | undefined {
  const { raw } = x
  if (!hasBody(raw)) return takeBody(x, undefined)
  const { route, bodyLimit } = x.route
  checkBodyHeaders(raw, bodyLimit, route.body === undefined)
  if (raw instanceof PlainRequest) return takeBody(x, raw.body)
  return readBody(raw, bodyLimit).then((bytes) => takeBody(x, bytes))
}

function takeBody(x: Exchange, bytes: Buffer | undefined): Promise<void> | undefined {
  const { route } = x.route
  if (route.raw) x.rawBody = bytes ?? Buffer.alloc(0)
  if (!route.body) return undefined
  const body = checkedBody(route.body as AnySchema, bytes && parseBody(x.raw, bytes))
  if (body instanceof Promise) return body.then((late) => void (x.body = late))
  x.body = body
  return undefined
}

function checkedBody(schema: AnySchema, value: unknown): unknown {
  try {
    const body = checked(schema, value, 'body')
    return body instanceof Promise ? body.catch((error: unknown) => throwUnlessDeep(error)) : body
  } catch (error) {
    return throwUnlessDeep(error)
  }
}

/** A hundred thousand nested arrays are valid JSON, and more than a recursive validator has stack for. */
function throwUnlessDeep(error: unknown): never {
  if (error instanceof RangeError) throw BodyMalformed({ problem: 'it is nested too deeply' }, { cause: error })
  throw error
}

/** The unread body. A length that the headers promise is enforced by Node; without one we count ourselves. */
function openStream(x: Exchange): Readable {
  const limit = x.route.bodyLimit
  // Such routes are never asked the plain way.
  const raw = x.raw as IncomingMessage
  checkBodyHeaders(raw, limit, true)
  if (raw.headers['content-length'] !== undefined) return raw
  let size = 0
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      if (size > limit) {
        x.abort(BodyTooLarge({ limit }))
        return done(BodyTooLarge({ limit }))
      }
      done(null, chunk)
    },
  })
  counter.on('error', () => {})
  raw.on('error', (error) => counter.destroy(error)).on('aborted', () => counter.destroy())
  return raw.pipe(counter)
}
