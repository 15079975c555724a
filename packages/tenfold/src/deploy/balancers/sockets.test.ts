import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { webSocket } from '../../http/index.ts'
import { route, startServer, type TestServer } from '../../http/testing/index.ts'
import { startBalancer, type TestBalancer } from '../testing/index.ts'

for (const kind of ['nginx', 'haproxy'] as const) {
  describe(`WebSockets through ${kind}`, () => {
    let servers: TestServer[]
    let balancer: TestBalancer
    before(async () => {
      const serve = (instance: number): Promise<TestServer> =>
        startServer(
          [
            route('GET /talk', {
              handle: async ({ ip }) =>
                webSocket({
                  opened: (socket) => socket.send(JSON.stringify({ instance, ip })),
                  message: (value, socket) => socket.send(JSON.stringify(value)),
                }),
            }),
          ],
          { trustProxy: ['127.0.0.1'] },
        )
      servers = [await serve(0), await serve(1)]
      const instances = servers.map(({ port }, i) => ({ name: `ws-${i}`, host: '127.0.0.1', port }))
      balancer = await startBalancer(kind, { app: 'shop', instances, method: 'round-robin' })
    })
    after(async () => {
      await balancer?.stop()
      await Promise.all((servers ?? []).map((server) => server.stop()))
    })

    const open = async (origin: string) => {
      const ws = new WebSocket(`${balancer.url.replace('http', 'ws')}/talk`, { headers: { origin } })
      const next = (): Promise<Record<string, unknown>> =>
        new Promise((resolve) => ws.once('message', (data: Buffer) => resolve(JSON.parse(`${data}`))))
      const first = next()
      const closed = new Promise((resolve) => ws.on('close', (code, reason) => resolve([code, `${reason}`])))
      await new Promise((resolve, reject) => {
        ws.once('open', resolve).once('error', reject)
        ws.once('unexpected-response', (_request, { statusCode }) => reject(new Error(`answered ${statusCode}`)))
      })
      return { ws, next, closed, ...((await first) as { instance: number; ip: string }) }
    }

    test('pages of the same address get through, and others do not', async () => {
      const socket = await open(balancer.url)
      assert.equal(socket.ip, '127.0.0.1')
      const answer = socket.next()
      socket.ws.send('{"n":1}')
      assert.deepEqual(await answer, { n: 1 })
      socket.ws.close()
      await assert.rejects(open('https://evil.example'), /answered 403/)
    })

    test('an instance that stops says so to the client, whose next connection goes to another', async () => {
      const socket = await open(balancer.url)
      await servers[socket.instance]!.stop()
      assert.deepEqual(await socket.closed, [1012, 'TF_STOPPING'])
      const again = await open(balancer.url)
      assert.equal(again.instance, 1 - socket.instance)
      again.ws.close()
    })
  })
}
