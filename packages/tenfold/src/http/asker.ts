import { all, compile } from '@fastify/proxy-addr'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** Who sends a request, how, and to which name. */
export interface Asker {
  readonly ip: string
  /** As in the header, with the port. */
  readonly host: string
  readonly secure: boolean
}

interface Message {
  readonly headers: IncomingHttpHeaders
  readonly socket: Socket
}

/** Reads that from a request; behind proxies that are trusted, from what they say.
 *  @param trusted addresses or networks of proxies, or `true` for anyone */
export function askersBehind(trusted: boolean | readonly string[] = false): (message: Message) => Asker {
  if (trusted === false || (trusted !== true && trusted.length === 0)) return directAsker
  const trusts = trusted === true ? () => true : compile([...trusted])
  return (message) => {
    const { headers, socket } = message
    const { ip, host, secure } = directAsker(message)
    if (!trusts(ip, 0)) return { ip, host, secure }
    const { 'x-forwarded-host': namedHost, 'x-forwarded-proto': protocol } = headers
    return {
      ip: headers['x-forwarded-for'] === undefined ? ip : all({ headers, socket } as IncomingMessage, trusts).at(-1)!,
      host: namedHost ? lastOf(namedHost) : host,
      secure: protocol ? lastOf(protocol) === 'https' : secure,
    }
  }
}

function directAsker({ headers, socket }: Message): Asker {
  return {
    ip: socket.remoteAddress ?? '',
    host: headers.host ?? '',
    secure: 'encrypted' in socket && socket.encrypted === true,
  }
}

/** The proxy nearest to us has added the last one. */
function lastOf(header: string | string[]): string {
  return String(header).split(',').at(-1)!.trim()
}
