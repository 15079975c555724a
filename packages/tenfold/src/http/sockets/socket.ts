/** One WebSocket, as the code that answers a route sees it.
 *
 *  K1  A route that refuses a request (origin, session, role, limit, schema) refuses its WebSocket with the same answer.
 *  K2  Messages are handled one after the other, in the order in which they came; while too many wait, nothing is read.
 *  K3  What one client can make this process keep is bounded: `messageBytes` × 16 of what it sent, `SEND_BYTES` and one message
 *      of what it does not read.
 *  K4  A client that no longer answers is noticed within two `PING_MS`; one whose session has ended, within a minute.
 *  K5  A process that stops handles what it has read, sends what is under way, and closes with 1012: come back at another.
 *  K6  Every close that is not the client's has a code of RFC 6455 (or 4000 and the status of HTTP) and an error code of ours. */
export interface Socket {
  /** The id of the request that it began with. */
  readonly id: string
  /** Aborts when it is closed, or about to be. */
  readonly signal: AbortSignal
  /** The last message that a client knows which comes back. */
  readonly after: string | undefined
  /** Resolves when the message is handed to the connection; at once, and in vain, when that is closed. */
  send(text: string): Promise<void>
  /** What goes on at its side, such as a subscription that ends with it: a stop waits for that, too. Never rejects. */
  during(work: Promise<void>): void
  /** Sends a close frame after what was sent before it. */
  close(closing: Closing): void
}

export interface Closing {
  /** 1000 to 1013 of RFC 6455, section 7.4, or 4000 to 4999. */
  code: number
  /** At most 123 bytes. */
  reason: string
}

/** What is done with it. */
export interface SocketTalk {
  limits?: SocketLimits | undefined
  /** It is open. A stop waits until this has ended. */
  opened?(socket: Socket): Promise<void>
  /** A message of the client, parsed from JSON. It may take as long as the route; then the signal aborts. Absent: the client has nothing to say, and a message closes it.
   *  What it throws, the client is told as `{ error: { code, … } }`. */
  message?(value: unknown, socket: Socket, signal: AbortSignal): Promise<void>
  closed?(closing: Closing, socket: Socket): Promise<void>
}

export interface SocketLimits {
  /** Bytes of one message of the client. Defaults to 64 KiB; a larger one closes with 1009. */
  messageBytes?: number
  /** Messages of the client in a second, over ten seconds. Defaults to 20; more close with 1008 and TF_SOCKET_RATE. */
  perSecond?: number
  /** In milliseconds without a message of the client, after which it is closed with 4408 and TF_SOCKET_IDLE. Defaults to 0: a
   *  client may stay silent for as long as it answers pings. */
  idleMs?: number
}

export const LIMITS = { messageBytes: 64 * 1024, perSecond: 20, idleMs: 0 }

/** Between two signs of life: proxies end connections that are silent for longer. */
export const PING_MS = 15_000

/** What may wait to be sent to a client that does not read. */
export const SEND_BYTES = 1024 * 1024

/** The name of what we speak, among the protocols that a client offers. */
export const PROTOCOL = 'tenfold.v1'

/** What a browser cannot say in headers it says among the protocols: `tenfold.after.<id>`, `tenfold.bearer.<token>`. */
export function offered(header: string | undefined, what: 'after' | 'bearer'): string | undefined {
  const start = `tenfold.${what}.`
  const found = header?.split(',').find((one) => one.trim().startsWith(start))
  return found?.trim().slice(start.length)
}
