import { ServerResponse, STATUS_CODES } from 'node:http'
import type { HeaderBlock } from './security.ts'

/** What `writeHead` of Node itself calls with the status line; the line may be longer. */
interface StoresHeader {
  _storeHeader(firstLines: string, headers: readonly string[]): void
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
