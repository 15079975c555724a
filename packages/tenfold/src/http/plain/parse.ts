/** Reads the plainest requests, and no others: whatever leaves the least room for two readings is left to Node's own parser,
 *  which decides it as it always did. Nothing is refused here.
 *
 *  Plain is: `METHOD /path HTTP/1.1`, one Host, headers of a token, a colon and visible characters, none of them twice, none
 *  that changes how the message is framed (RFC 9112, section 6), lines that end in CR LF, and a body of `content-length`
 *  bytes that has come whole. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'

/** A request as far as it matters to the request path: what an IncomingMessage says, once all of it has come. */
export class PlainRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly socket: Socket
  /** All bytes of the body; undefined when the headers announce none. */
  readonly body: Buffer | undefined
  /** Where the next request begins. */
  readonly end: number
  readonly httpVersionMinor = 1
  readonly complete = true
  readonly readableLength = 0

  constructor(
    method: string,
    url: string,
    headers: IncomingHttpHeaders,
    socket: Socket,
    body: Buffer | undefined,
    end: number,
  ) {
    this.method = method
    this.url = url
    this.headers = headers
    this.socket = socket
    this.body = body
    this.end = end
  }

  get destroyed(): boolean {
    return this.socket.destroyed
  }
}

/** Longer ones are Node's. Strings cut out of a head keep it in memory for as long as they live. */
export const MAX_HEAD = 8 * 1024
const MAX_HEADERS = 64
const END = Buffer.from('\r\n\r\n')
const VERSION = ' HTTP/1.1\r\n'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
const ALPHANUMERIC = `0123456789${LETTERS}${LETTERS.toUpperCase()}`
/** RFC 9110, section 5.6.2. */
const TOKEN = tableOf(`${ALPHANUMERIC}!#$%&'*+-.^_\`|~`)
/** What RFC 3986 lets stand in a path and a query. */
const TARGET = tableOf(`${ALPHANUMERIC}-._~!$&'()*+,;=:@/?%`)
const VALUE = tableOf(`\t${Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('')}`)
const [TAB, SPACE, COLON, CR, LF] = [9, 32, 58, 13, 10]

/** The headers that clients send most, in the spellings that they use. */
const NAMES = new Map(
  [
    'host', 'connection', 'content-type', 'content-length', 'accept', 'accept-encoding', 'accept-language', 'user-agent',
    'cookie', 'authorization', 'origin', 'referer', 'cache-control', 'pragma', 'traceparent', 'tracestate', 'priority',
    'sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest', 'sec-fetch-user', 'sec-ch-ua', 'sec-ch-ua-mobile',
    'sec-ch-ua-platform', 'dnt', 'te', 'if-none-match', 'if-modified-since', 'x-forwarded-for', 'x-forwarded-proto',
    'x-forwarded-host', 'x-forwarded-port', 'x-real-ip', 'x-request-id', 'x-api-key', 'keep-alive', 'idempotency-key',
  ].flatMap((name): [string, string][] => [
    [name, name],
    [name.replace(/(^|-)[a-z]/g, (first) => first.toUpperCase()), name],
  ]),
) // prettier-ignore

/** These change where a message ends, who speaks, or what a second one of them means. */
const NOT_PLAIN = new Set([
  'transfer-encoding',
  'upgrade',
  'expect',
  'trailer',
  'proxy-connection',
  'set-cookie',
  '__proto__',
])

/** The request that begins at the first of these bytes; undefined when it is not plain, or has not come whole.
 *  @param maxHead in bytes; a longer head is not plain */
export function parsePlain(bytes: Buffer, socket: Socket, maxHead = MAX_HEAD): PlainRequest | undefined {
  const headEnd = bytes.indexOf(END)
  if (headEnd < 0 || headEnd > maxHead) return undefined
  const text = bytes.toString('latin1', 0, headEnd + 4)
  const methodEnd = text.indexOf(' ')
  const method = METHODS.find((one) => one.length === methodEnd && text.startsWith(one))
  if (method === undefined || text.charCodeAt(methodEnd + 1) !== 47) return undefined
  let at = methodEnd + 1
  while (TARGET[text.charCodeAt(at)] === 1) at++
  if (!text.startsWith(VERSION, at)) return undefined
  const url = text.slice(methodEnd + 1, at)
  const headers = parseHeaders(text, at + VERSION.length, headEnd + 2)
  if (headers?.host === undefined) return undefined
  if (headers.connection !== undefined && !/^(?:keep-alive|close)$/i.test(headers.connection)) return undefined
  const bodyStart = headEnd + 4
  const length = headers['content-length']
  if (length === undefined) return new PlainRequest(method, url, headers, socket, undefined, bodyStart)
  if (!/^(?:0|[1-9]\d{0,6})$/.test(length)) return undefined
  const end = bodyStart + Number(length)
  if (end > bytes.length || (end > bodyStart && (method === 'GET' || method === 'HEAD'))) return undefined
  return new PlainRequest(method, url, headers, socket, bytes.subarray(bodyStart, end), end)
}

/** The lines from `at` to `end`. */
function parseHeaders(text: string, at: number, end: number): IncomingHttpHeaders | undefined {
  const headers: Record<string, string> = {}
  for (let count = 0; at < end; count++) {
    const nameStart = at
    while (TOKEN[text.charCodeAt(at)] === 1) at++
    if (at === nameStart || text.charCodeAt(at) !== COLON || count === MAX_HEADERS) return undefined
    const spelled = text.slice(nameStart, at)
    const name = NAMES.get(spelled) ?? spelled.toLowerCase()
    let valueStart = at + 1
    while (isBlank(text.charCodeAt(valueStart))) valueStart++
    at = valueStart
    while (VALUE[text.charCodeAt(at)] === 1) at++
    if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) return undefined
    let valueEnd = at
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--
    // Also what every object has: a header named `constructor` is nobody's.
    if (headers[name] !== undefined || NOT_PLAIN.has(name)) return undefined
    headers[name] = text.slice(valueStart, valueEnd)
    at += 2
  }
  return headers
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const character of characters) table[character.charCodeAt(0)] = 1
  return table
}
