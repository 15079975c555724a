import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { randomHex, type TenfoldError } from '../kernel/index.ts'
import { BadRequest, HeadersTooLarge, RequestTimeout } from './errors.ts'
import { problemOf } from './problem.ts'
import type { HeaderBlock } from './security.ts'

/** Answers what is not HTTP, on the bare socket, and closes it: there is no telling where the next request would begin.
 *  Returns the error that was answered; undefined when there was nobody left to answer. */
export function refuse(
  error: Error & { code?: string },
  socket: Socket,
  headers: HeaderBlock,
): TenfoldError | undefined {
  // `_httpMessage` is the answer under way on this socket, if any: into its middle nothing more may be written.
  const under = (socket as { _httpMessage?: { headersSent: boolean } })._httpMessage
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || !socket.writable || under?.headersSent) {
    socket.destroy()
    return undefined
  }
  const known = errorOf(error)
  const body = JSON.stringify(problemOf(known, randomHex(16), false))
  const head = `HTTP/1.1 ${known.status} ${STATUS_CODES[known.status]}\r\n${headers.text}`
  const length = `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`
  socket.end(`${head}${length}${body}`, () => socket.destroy())
  return known
}

function errorOf(error: Error & { code?: string }): TenfoldError {
  if (error.code === 'HPE_HEADER_OVERFLOW') return HeadersTooLarge()
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return RequestTimeout()
  if (error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return BadRequest({ problem: 'its chunk extensions are too large' })
  return BadRequest({ problem: 'it is not well-formed HTTP' })
}
