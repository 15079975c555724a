import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage, type Server } from 'node:http'
import { Agent as TlsAgent, createServer as createTlsServer, get as getTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { readingInPieces } from './pieces.ts'

const BODY = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => i % 251))
/** A key that both sides know, in place of a certificate. */
const PSK = { ciphers: 'PSK', maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } as const

for (const tls of [false, true]) {
  const kind = tls ? 'TLS' : 'plain'
  test(`${kind}: a body comes in small pieces, as it was, over connections that are used again`, async (t) => {
    const key = Buffer.alloc(16, 'k')
    const answer = (_: IncomingMessage, response: { end(body: Buffer): void }): void => response.end(BODY)
    const server: Server = tls ? createTlsServer({ ...PSK, pskCallback: () => key }, answer) : createServer(answer)
    const connections = new Set<unknown>()
    server.on(tls ? 'secureConnection' : 'connection', (socket) => connections.add(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const options = { keepAlive: true, maxSockets: 1 }
    const pskCallback = () => ({ psk: key, identity: 'test' })
    const agent = readingInPieces(
      tls
        ? new TlsAgent({ ...options, ...PSK, pskCallback, checkServerIdentity: () => undefined })
        : new Agent(options),
    )
    t.after(() => {
      agent.destroy()
      server.close()
    })
    const url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}/`
    for (let round = 0; round < 2; round++) {
      const [response] = (await once((tls ? getTls : get)(url, { agent }), 'response')) as [IncomingMessage]
      const pieces: Buffer[] = []
      for await (const piece of response) pieces.push(piece as Buffer)
      assert.ok(Buffer.concat(pieces).equals(BODY))
      assert.ok(
        pieces.every((piece) => piece.buffer.byteLength <= 16 * 1024),
        'memory is held in small pieces',
      )
    }
    assert.equal(connections.size, 1)
  })
}
