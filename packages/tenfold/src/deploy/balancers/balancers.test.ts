import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request as ask, type IncomingMessage, type Server } from 'node:http'
import { connect as connect2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { checkBalancer, startBalancer, testCertificate, type TestBalancer } from '../testing/index.ts'
import { BalancerRefused, haproxyConfig, nginxSite, type BalancerOptions } from './index.ts'

const KINDS = ['nginx', 'haproxy'] as const
const folder = mkdtempSync(join(tmpdir(), 'tenfold-certificate-'))
const certificate = testCertificate(folder)
after(() => rmSync(folder, { recursive: true }))
const tlsFor = (kind: 'nginx' | 'haproxy') => ({
  certificate: kind === 'nginx' ? certificate.certificate : certificate.both,
  key: certificate.key,
})

const OPTIONS: BalancerOptions = {
  app: 'my-shop',
  instances: [
    { name: 'shop-1', host: '127.0.0.1', port: 4001 },
    { name: 'shop-2', host: '::1', port: 4002 },
  ],
  listen: { port: 8443 },
}

for (const kind of KINDS) {
  test(`${kind} itself finds nothing wrong with any form of its configuration`, () => {
    for (const listen of [{ port: 8443 }, { host: '127.0.0.1', port: 8443 }, { host: '::1', port: 8443 }])
      for (const method of ['round-robin', 'least-connections'] as const)
        for (const trustedProxies of [[], ['10.0.0.0/8', '::1', '192.0.2.7']])
          for (const tls of [undefined, { ...tlsFor(kind), redirectPort: 8089 }]) {
            const options = { ...OPTIONS, listen, method, trustedProxies, ...(tls && { tls }) }
            assert.equal(checkBalancer(kind, options), '', JSON.stringify(options))
          }
    assert.match(checkBalancer(kind, { ...OPTIONS, tls: { certificate: '/none.pem', key: '/none.pem' } }), /none\.pem/)
  })
}

test('what would be a directive of its own is refused, and everything wrong is said at once', () => {
  const wrong: BalancerOptions = {
    app: 'shop',
    instances: [
      { name: 'a;\n evil on', host: '127.0.0.1', port: 4001 },
      { name: 'b', host: '127.0.0.1; }', port: 70_000 },
    ],
    listen: { port: 80 },
    trustedProxies: ['10.0.0.0/8; deny all', '10.0.0.0/33'],
    tls: { certificate: '/a b;', key: '/k' },
  }
  for (const write of [nginxSite, haproxyConfig]) {
    assert.throws(
      () => write(wrong),
      (error) => BalancerRefused.is(error) && error.details.problems.length === 6,
    )
    assert.throws(() => write({ ...OPTIONS, instances: [] }), /there is no instance/)
  }
})

/** The handshake of RFC 6455, section 1.3, with its example. */
const UPGRADE = {
  connection: 'upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}
const ACCEPTED = [
  'upgrade: websocket',
  'connection: upgrade',
  'sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
].join('\r\n')

/** What the backend saw of a request, as its answer. */
interface Seen {
  instance: number
  method: string
  headers: Record<string, string>
}

for (const kind of KINDS) {
  describe(`through ${kind}`, () => {
    let servers: Server[]
    let instances: BalancerOptions['instances']
    let balancer: TestBalancer
    let posts = 0

    const serve = (instance: number, port = 0): Promise<Server> =>
      new Promise((resolve) => {
        const server = createServer((request, response) => {
          if (request.url === '/breaks') {
            if (request.method === 'POST') posts++
            return void request.resume().on('end', () => request.socket.destroy())
          }
          if (request.url === '/stream') {
            response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
            return void response.write('data: first\n\n')
          }
          const seen = { instance, method: request.method!, headers: request.headers as Record<string, string> }
          response.end(JSON.stringify(seen satisfies Seen))
        })
        server.on('upgrade', (_request, socket) => {
          socket.write(`HTTP/1.1 101 Switching Protocols\r\n${ACCEPTED}\r\n\r\n`)
          socket.on('data', (data) => socket.write(data)).on('end', () => socket.end())
        })
        server.listen(port, '127.0.0.1', () => resolve(server))
      })
    const portOf = (server: Server): number => (server.address() as AddressInfo).port
    const seenBy = async (headers: Record<string, string> = {}, from = balancer): Promise<Seen> =>
      (await (await fetch(`${from.url}/`, { headers })).json()) as Seen

    before(async () => {
      servers = [await serve(0), await serve(1)]
      instances = servers.map((server, i) => ({ name: `one-${i}`, host: '127.0.0.1', port: portOf(server) }))
      balancer = await startBalancer(kind, { app: 'shop', instances, method: 'round-robin' })
    })
    after(async () => {
      await balancer?.stop()
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
    })

    test('instances take turns', async () => {
      const counts = [0, 0]
      for (let i = 0; i < 40; i++) counts[(await seenBy()).instance]!++
      assert.ok(Math.min(...counts) >= 10, String(counts))
    })

    test('the app hears the address of the client, and not what the client claims', async () => {
      const { headers } = await seenBy({
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-proto': 'https',
        forwarded: 'for=1',
      })
      assert.equal(headers['x-forwarded-for'], '127.0.0.1')
      assert.equal(headers['x-forwarded-proto'], 'http')
      assert.equal(headers['x-forwarded-host'], `127.0.0.1:${balancer.port}`)
      assert.equal(headers.forwarded, undefined)
    })

    test('a proxy in front is believed when it is named', async () => {
      const behind = await startBalancer(kind, { app: 'shop', instances, trustedProxies: ['127.0.0.0/8'] })
      const claimed = { 'x-forwarded-for': '198.51.100.1, 203.0.113.9', 'x-forwarded-proto': 'https' }
      const { headers } = await seenBy(claimed, behind)
      assert.deepEqual([headers['x-forwarded-for'], headers['x-forwarded-proto']], ['203.0.113.9', 'https'])
      await behind.stop()
    })

    test('streams arrive piece by piece, and upgraded connections go both ways', async () => {
      const stream = await fetch(`${balancer.url}/stream`)
      const reader = stream.body!.getReader()
      assert.equal(new TextDecoder().decode((await reader.read()).value), 'data: first\n\n')
      await reader.cancel()

      const socket = await new Promise<IncomingMessage['socket']>((resolve, reject) => {
        const asking = ask(`${balancer.url}/`, { headers: UPGRADE })
        asking.on('upgrade', (_response, upgraded) => resolve(upgraded as IncomingMessage['socket']))
        asking.on('response', ({ statusCode }) => reject(new Error(`answered ${statusCode}`)))
        asking.on('error', reject)
        asking.end()
      })
      const echoed = new Promise((resolve) => socket.once('data', (data) => resolve(String(data))))
      socket.write('hello')
      assert.equal(await echoed, 'hello')
      socket.destroy()
    })

    test('a request that was sent and not answered is repeated only if it may be', async () => {
      const post = await fetch(`${balancer.url}/breaks`, { method: 'POST', body: 'pay' })
      assert.equal(post.status, 502)
      assert.equal(posts, 1)
    })

    test('an instance that is not there costs nobody a request, and is back when it is', async () => {
      const [first] = servers as [Server]
      const port = portOf(first)
      first.closeAllConnections()
      await new Promise((resolve) => first.close(resolve))
      for (let i = 0; i < 30; i++) {
        const { status, seen } = await onNewConnection(`${balancer.url}/`, i % 2 ? 'GET' : 'POST')
        assert.deepEqual([status, seen.instance], [200, 1])
      }
      servers[0] = await serve(0, port)
      const deadline = Date.now() + 20_000
      while ((await seenBy()).instance !== 0) {
        assert.ok(Date.now() < deadline, 'it does not come back')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })

    test('TLS ends here, with HTTP/2', async () => {
      const secure = await startBalancer(kind, { app: 'shop', instances, tls: tlsFor(kind) })
      const session = connect2(secure.url, { ca: readFileSync(certificate.certificate) })
      const stream = session.request({ ':path': '/', 'x-forwarded-proto': 'http' })
      let text = ''
      for await (const part of stream.setEncoding('utf8')) text += part
      assert.equal(session.alpnProtocol, 'h2')
      session.close()
      const { headers } = JSON.parse(text) as Seen
      assert.deepEqual([headers['x-forwarded-proto'], headers.host], ['https', `127.0.0.1:${secure.port}`])
      await secure.stop()
    })
  })
}

/** A kept connection may be closed by the balancer in the moment in which it is used again: that is the client's to repeat. */
function onNewConnection(url: string, method: 'GET' | 'POST'): Promise<{ status: number; seen: Seen }> {
  return new Promise((resolve, reject) => {
    const asking = ask(url, { method, agent: false }, async (response) => {
      let text = ''
      for await (const part of response.setEncoding('utf8')) text += part
      resolve({ status: response.statusCode!, seen: JSON.parse(text) as Seen })
    })
    asking.on('error', reject).end(method === 'POST' ? 'x' : undefined)
  })
}
