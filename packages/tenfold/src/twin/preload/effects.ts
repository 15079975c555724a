import { Socket } from 'node:net'
import { describeBytes } from './wire.ts'
import type { Witness } from './witness.ts'

interface Outgoing {
  server?: unknown
  connecting: boolean
}

/** Reads what leaves the process on connections that it opened: requests, SQL, commands to Redis, mail. */
export function watchEffects(witness: Witness): void {
  const prototype = Socket.prototype as unknown as { _writeGeneric(...args: unknown[]): unknown }
  const write = prototype._writeGeneric
  /** What is written before a socket is connected comes by twice. */
  const announced = new WeakMap<object, number>()
  const own = new WeakSet<object>()

  prototype._writeGeneric = function (this: Outgoing, ...args: unknown[]): unknown {
    const { server, connecting } = this
    const before = announced.get(this) ?? 0
    if (!connecting && before > 0) announced.set(this, before - 1)
    else if (!server && !own.has(this)) {
      if (connecting) announced.set(this, before + 1)
      const text = textOf(args[0] === true, args[1], args[2])
      if (text.startsWith('{"pid":') || text.startsWith('{"done":')) own.add(this)
      else report(text, remoteOf(this))
    }
    return Reflect.apply(write, this, args)
  }

  function report(text: string, remote: string): void {
    const { request, timer, tick } = witness.context.getStore() ?? {}
    for (const { what, once } of describeBytes(text, remote)) {
      const { at } = witness.whence()
      witness.say({
        kind: 'effect',
        effect: {
          what,
          once,
          ...(at && { at }),
          ...(request && { during: request.asked, late: request.answered }),
          ...(timer && { timer }),
          ...(tick !== undefined && { tick }),
        },
      })
    }
  }
}

function remoteOf(socket: object): string {
  const { _host: host, remoteAddress, remotePort } = socket as Partial<Record<string, string | number>>
  return `${host ?? remoteAddress ?? ''}${remotePort ? `:${remotePort}` : ''}`
}

function textOf(several: boolean, data: unknown, encoding: unknown): string {
  if (several)
    return (data as { chunk: unknown; encoding: unknown }[]).map((one) => decode(one.chunk, one.encoding)).join('')
  return decode(data, encoding)
}

/** Byte by byte: lengths in binary protocols have to stay what they are. */
function decode(data: unknown, encoding: unknown): string {
  if (data instanceof Uint8Array) return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1')
  return typeof data === 'string' ? Buffer.from(data, encoding as BufferEncoding).toString('latin1') : ''
}
