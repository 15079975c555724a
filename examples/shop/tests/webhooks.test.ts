import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Webhook } from 'standardwebhooks'
import { newKey, openShop, orderOf, until, type Shop } from './shop.ts'

interface Received {
  headers: IncomingHttpHeaders
  body: string
}

describe('a webhook', () => {
  let shop: Shop
  let server: Server
  let url: string
  const received: Received[] = []
  const answers: number[] = []
  before(async () => {
    shop = await openShop()
    server = createServer((request, response) => {
      let body = ''
      request.on('data', (piece) => (body += piece))
      request.on('end', () => {
        received.push({ headers: request.headers, body })
        response.writeHead(answers.shift() ?? 204).end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  })
  after(async () => {
    server.close()
    await shop.close()
  })

  test('is signed, sent for each event that was asked for, and tried again until it arrives', async () => {
    const product = await shop.product()
    const carla = await shop.customer()
    const added = await carla.post<{ id: string; secret: string }>('/webhooks', { url, events: ['order.paid'] })
    assert.equal(added.status, 201)
    answers.push(500)
    const order = await carla.post('/orders', orderOf(product), newKey())
    await until('it has come twice', () => received.length === 2, 60_000)
    for (const { headers, body } of received) {
      const told = new Webhook(added.body.secret).verify(body, headers as Record<string, string>) as {
        type: string
        data: { orderId: string }
      }
      assert.deepEqual([told.type, told.data.orderId], ['order.paid', order.body.id])
    }
    assert.equal(received[0]!.headers['webhook-id'], received[1]!.headers['webhook-id'], 'a repeat can be recognised')
    await shop.app.drain()
    const log = await carla.get<{ attempts: number; status: number; deliveredAt: string | null }[]>(
      `/webhooks/${added.body.id}/deliveries`,
    )
    assert.deepEqual(
      log.body.map(({ attempts, status }) => [attempts, status]),
      [[2, 204]],
    )
    assert.ok(log.body[0]!.deliveredAt)
  })

  test('belongs to the one who made it', async () => {
    const [carla, dora] = [await shop.customer(), await shop.customer()]
    const { body } = await carla.post('/webhooks', { url, events: ['order.placed'] })
    assert.equal((await dora.get(`/webhooks/${body.id}/deliveries`)).status, 404)
    assert.equal((await dora.send('DELETE', `/webhooks/${body.id}`)).status, 404)
    assert.deepEqual((await dora.get<unknown[]>('/webhooks')).body, [])
    const own = await carla.get<object[]>('/webhooks')
    assert.equal(own.body.length, 1)
    assert.equal('secret' in own.body[0]!, false)
    assert.equal((await carla.send('DELETE', `/webhooks/${body.id}`)).status, 204)
  })

  test('to an endpoint that says it is gone is given up, until somebody enables it and sends what it has missed', async () => {
    const product = await shop.product()
    const carla = await shop.customer()
    const { body } = await carla.post<{ id: string }>('/webhooks', { url, events: ['order.placed'] })
    answers.push(410)
    await carla.post('/orders', orderOf(product), newKey())
    await until('it is disabled', async () => {
      const [own] = (await carla.get<{ disabledAt: string | null }[]>('/webhooks')).body
      return own!.disabledAt !== null
    })
    const listed = JSON.parse(await tenfold('webhooks', 'list', '--json')) as { id: string; disabledWhy?: string }[]
    assert.match(listed.find(({ id }) => id === body.id)!.disabledWhy!, /410/)
    assert.match(await tenfold('webhooks', 'enable', body.id), /sent to .* again/)
    const before = received.length
    assert.match(await tenfold('webhooks', 'replay', body.id, '--since', '1h'), /goes out again/)
    await until('it has come', () => received.length === before + 1, 60_000)
    assert.equal(received.at(-1)!.headers['webhook-id'], received.at(-2)!.headers['webhook-id'])
  })

  /** The command line, on the shop's database. */
  async function tenfold(...args: string[]): Promise<string> {
    const program = fileURLToPath(import.meta.resolve('tenfold/package.json')).replace('package.json', 'bin/tenfold.js')
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], {
      cwd: new URL('..', import.meta.url),
      env: { ...process.env, ...shop.variables, NODE_ENV: 'test' },
    })
    return stdout
  }
})

describe('a webhook into the private network', () => {
  let shop: Shop
  before(async () => void (shop = await openShop({ variables: { ALLOW_PRIVATE_WEBHOOKS: '0' } })))
  after(() => shop.close())

  test('is refused, however it is written', async () => {
    const carla = await shop.customer()
    const urls = [
      'http://127.0.0.1/', 'http://localhost:3000/', 'http://2130706433/', 'http://0x7f.1/', 'http://[::1]/', 'http://[::ffff:10.0.0.1]/',
      'http://169.254.169.254/latest/meta-data', 'http://10.1.2.3/', 'http://192.168.0.1/', 'https://[fd00::1]/', 'http://0.0.0.0/',
    ] // prettier-ignore
    for (const url of urls) {
      const { status, body } = await carla.post('/webhooks', { url, events: ['order.paid'] })
      assert.deepEqual([status, body.code], [422, 'TF_WEBHOOK_URL'], url)
    }
    for (const url of ['file:///etc/passwd', 'gopher://x.example/', 'javascript:alert(1)']) {
      assert.equal((await carla.post('/webhooks', { url, events: ['order.paid'] })).status, 400, url)
    }
  })
})
