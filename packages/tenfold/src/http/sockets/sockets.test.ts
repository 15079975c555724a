import assert from 'node:assert/strict'
import { connect, type Socket as NetSocket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { webSocket, type SocketTalk } from '../index.ts'
import { eventually, route, startServer, type TestServer } from '../testing/index.ts'

const echo: SocketTalk = {
  message: async (value, socket) => socket.send(JSON.stringify({ data: value })),
}

const seen = { handling: 0, most: 0, finished: 0, aborted: 0, sent: 0, slowSent: 0 }
const gate = { open: Promise.withResolvers<void>() }

const ROUTES = [
  route('GET /echo', { handle: async () => webSocket({ ...echo, limits: { messageBytes: 1000, perSecond: 5 } }) }),
  route('GET /idle', { handle: async () => webSocket({ ...echo, limits: { idleMs: 100 } }) }),
  route('GET /still', { handle: async () => webSocket(echo) }),
  route('GET /waits', {
    handle: async () =>
      webSocket({
        limits: { perSecond: 10_000 },
        async message() {
          seen.most = Math.max(seen.most, ++seen.handling)
          await gate.open.promise
          seen.handling--
          seen.finished++
        },
      }),
  }),
  route('GET /late', {
    timeout: 50,
    handle: async () =>
      webSocket({
        message: (_value, _socket, signal) =>
          new Promise((resolve) => signal.addEventListener('abort', () => (seen.aborted++, resolve()))),
      }),
  }),
  route('GET /flood', {
    handle: async () =>
      webSocket({
        async opened(socket) {
          const text = JSON.stringify({ data: 'x'.repeat(64 * 1024) })
          // Not awaited: what a careless handler does.
          for (let n = 0; n < 2000 && !socket.signal.aborted; n++) {
            void socket.send(text)
            seen.slowSent++
            await new Promise((resolve) => setImmediate(resolve))
          }
        },
      }),
  }),
  route('GET /plain', { handle: async () => undefined }),
]

describe('WebSockets against clients that are not well', () => {
  let server: TestServer
  before(async () => (server = await startServer(ROUTES, { pingMs: 300 })))
  after(() => server.stop())

  const open = async (path: string): Promise<WebSocket> => {
    const ws = new WebSocket(`ws://127.0.0.1:${server.port}${path}`)
    await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject))
    return ws
  }
  const closeOf = (ws: WebSocket): Promise<[number, string]> =>
    new Promise((resolve) => ws.on('error', () => {}).on('close', (code, reason) => resolve([code, `${reason}`])))
  /** A connection that speaks for itself: nothing that comes is read. */
  const raw = async (path: string): Promise<NetSocket> => {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    )
    return new Promise((resolve) => socket.once('data', () => (socket.pause(), resolve(socket))))
  }

  for (const [what, path, act, code, reason] of [
    ['a message that is too large', '/echo', (ws) => ws.send('x'.repeat(2000)), 1009, ''],
    ['one in a hundred pieces that is too large', '/echo', pieces, 1009, ''],
    ['a binary message', '/echo', (ws) => ws.send(Buffer.from('{}')), 1007, 'TF_SOCKET_MESSAGE'],
    ['text that is not JSON', '/echo', (ws) => ws.send('{'), 1007, 'TF_SOCKET_MESSAGE'],
    ['too many messages', '/echo', (ws) => times(60, () => ws.send('1')), 1008, 'TF_SOCKET_RATE'],
    ['too many pings', '/echo', (ws) => times(60, () => ws.ping()), 1008, 'TF_SOCKET_RATE'],
    ['silence, where that is bounded', '/idle', () => {}, 4408, 'TF_SOCKET_IDLE'],
  ] as [string, string, (ws: WebSocket) => void, number, string][]) {
    test(`${what}: ${code}`, async () => {
      const ws = await open(path)
      const closed = closeOf(ws)
      act(ws)
      assert.deepEqual(await closed, [code, reason])
    })
  }

  test('a frame without its mask, and one of an unknown kind, close with 1002', async () => {
    for (const bytes of [Buffer.from([0x81, 0x01, 0x31]), Buffer.from([0x83, 0x80, 0, 0, 0, 0])]) {
      const socket = await raw('/echo')
      const got: Buffer[] = []
      socket.on('data', (chunk) => got.push(chunk))
      const ended = new Promise((resolve) => socket.on('close', resolve))
      socket.resume()
      socket.write(bytes)
      await ended
      assert.deepEqual([...Buffer.concat(got).subarray(0, 4)], [0x88, 0x02, 0x03, 0xea])
    }
  })

  test('a client that reads nothing costs a bounded amount, and is sent away', async () => {
    seen.slowSent = 0
    const socket = await raw('/flood')
    await eventually(
      () =>
        server.logs.some(
          ({ message, ...rest }) => /flood closed/.test(message) && JSON.stringify(rest).includes('TF_SOCKET_SLOW'),
        ),
      'the slow client is sent away',
    )
    // The kernel takes some megabytes on the way; the process keeps one.
    assert.ok(seen.slowSent * 64 * 1024 < 32 * 1024 * 1024, `${seen.slowSent} messages`)
    socket.destroy()
  })

  test('messages are handled one after the other; what cannot be handled yet is left in the connection', async () => {
    const ws = await open('/waits')
    times(200, () => ws.send('1'))
    await eventually(() => seen.handling === 1, 'the first message is handled')
    gate.open.resolve()
    await eventually(() => seen.finished === 200, 'all were handled')
    assert.equal(seen.most, 1)
    ws.close()
  })

  test('a handler that takes too long is told so, and so is the client', async () => {
    const ws = await open('/late')
    const answer = new Promise<string>((resolve) => ws.once('message', (data: Buffer) => resolve(`${data}`)))
    ws.send('1')
    assert.equal(JSON.parse(await answer).error.code, 'TF_ROUTE_TIMEOUT')
    assert.equal(seen.aborted, 1)
    ws.close()
  })

  test('a client that answers no ping is gone, one that does stays', async () => {
    const ws = await open('/still')
    const dead = await raw('/still')
    await eventually(
      () => server.logs.some((log) => log.message === 'GET /still closed 1006'),
      'the dead one is noticed',
    )
    assert.equal(ws.readyState, ws.OPEN)
    ws.close()
    dead.destroy()
  })

  test('what is no handshake gets an answer, and a route that is no socket answers as ever', async () => {
    const head = 'host: x\r\nupgrade: websocket\r\nconnection: Upgrade'
    const status = async (text: string): Promise<string> =>
      /^HTTP\/1\.1 (\d+)/.exec(await server.raw(`${text}\r\n\r\n`))?.[1] ?? 'nothing'
    assert.equal(await status(`GET /echo HTTP/1.1\r\n${head}`), '426')
    assert.equal(
      await status(`GET /echo HTTP/1.1\r\n${head}\r\nsec-websocket-version: 13\r\nsec-websocket-key: no`),
      '426',
    )
    assert.equal(await status(`GET /nowhere HTTP/1.1\r\n${head}`), '404')
    assert.equal(await status(`GET /plain HTTP/1.1\r\n${head}`), '204')
    assert.equal((await server.get('/echo')).status, 426)
  })

  test('each message is a trace of its own, with the connection it came on', async () => {
    const ws = await open('/echo')
    ws.send('1')
    await eventually(() => server.traces.some(({ name }) => name === 'GET /echo message'), 'the trace')
    ws.close()
  })
})

test('a server that stops handles what it was sent, then says that it restarts', async () => {
  const hold = Promise.withResolvers<void>()
  const done = { handled: 0 }
  const server = await startServer([
    route('GET /slow', {
      handle: async () =>
        webSocket({
          async message() {
            await hold.promise
            done.handled++
          },
        }),
    }),
  ])
  const ws = new WebSocket(`ws://127.0.0.1:${server.port}/slow`)
  await new Promise((resolve) => ws.once('open', resolve))
  ws.send('1')
  ws.send('2')
  const closed = new Promise((resolve) => ws.on('close', (code, reason) => resolve([code, `${reason}`])))
  const stopped = server.stop()
  hold.resolve()
  assert.deepEqual(await closed, [1012, 'TF_STOPPING'])
  await stopped
  assert.equal(done.handled, 2)
})

test('what was said before the client hears of the end is handled, and a stop waits for it', async () => {
  const hold = Promise.withResolvers<void>()
  const seen: unknown[] = []
  const server = await startServer([
    route('GET /late', {
      handle: async () =>
        webSocket({
          async message(value, _socket, signal) {
            await hold.promise
            seen.push([value, signal.aborted])
          },
        }),
    }),
  ])
  const ws = new WebSocket(`ws://127.0.0.1:${server.port}/late`)
  await new Promise((resolve) => ws.once('open', resolve))
  // Handed over after two seconds, whether or not this is done.
  ws.send('1')
  const closed = new Promise((resolve) => ws.on('close', (code) => resolve(code)))
  await eventually(() => server.logs.length > 0, 'it is open')
  await server.handOver()
  assert.equal(await closed, 1012)
  const state = { stopped: false }
  const stopped = server.stop().then(() => (state.stopped = true))
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(state.stopped, false)
  hold.resolve()
  await stopped
  assert.equal(seen.length, 1)
})

test('a server that hands over to another process sends everybody there', async () => {
  const server = await startServer([route('GET /echo', { handle: async () => webSocket(echo) })])
  const ws = new WebSocket(`ws://127.0.0.1:${server.port}/echo`)
  const closed = new Promise((resolve) => ws.on('close', (code) => resolve(code)))
  await new Promise((resolve) => ws.once('open', resolve))
  await server.handOver()
  assert.equal(await closed, 1012)
  await server.stop()
})

function times(count: number, act: () => void): void {
  for (let n = 0; n < count; n++) act()
}

function pieces(ws: WebSocket): void {
  times(100, () => ws.send('x'.repeat(20), { fin: false }))
}
