import { ServerResponse, STATUS_CODES } from 'node:http'
import { PlainReply } from './plain/index.ts'
import type { HeaderBlock } from './security.ts'

/** What `writeHead` of Node itself calls with the status line; the line may be longer. */
interface StoresHeader {
  _storeHeader(firstLines: string, headers: readonly string[]): void
}

/** What is answered by either of them. */
interface Answered {
  res: ServerResponse | PlainReply
}

/** Node's own answer, which takes the place of a plain one for good: also when it refuses what it is to write, so that the
 *  error goes out through it. */
export function nodeReply(x: Answered): ServerResponse {
  if (x.res instanceof PlainReply) x.res = x.res.byNode()
  return x.res
}

/** Writes an answer that is ready as a whole.
 *  @param body undefined for none, also where `own` speaks of one */
export function writeWhole(
  x: Answered,
  status: number,
  block: HeaderBlock,
  own: readonly string[],
  body: string | Buffer | undefined,
): void {
  if (x.res instanceof PlainReply && x.res.whole(status, block, own, body)) return
  const node = nodeReply(x)
  writeHead(node, status, block, own)
  if (body === undefined) node.end()
  // Text of ASCII alone is the same in Latin-1, which Node writes without looking at each character again.
  else if (typeof body === 'string' && Buffer.byteLength(body) === body.length) node.end(body, 'latin1')
  else node.end(body)
}

/** Writes the status and the headers. Those of every answer are one text, checked when the server was made, which goes out
 *  behind the status line as it is: passing each of them through Node's own checks for each answer costs as much as a span.
 *  Where Node is not as we know it (a response without a socket, a Node without that method), they go the long way. */
export function writeHead(res: ServerResponse, status: number, block: HeaderBlock, own: readonly string[]): void {
  const known = res.writeHead === ServerResponse.prototype.writeHead && status !== 204 && status !== 304
  if (!known || typeof (res as unknown as StoresHeader)._storeHeader !== 'function') {
    res.writeHead(status, block.pairs.concat(own))
    return
  }
  res.statusCode = status
  ;(res as unknown as StoresHeader)._storeHeader(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n${block.text}`,
    own,
  )
}
