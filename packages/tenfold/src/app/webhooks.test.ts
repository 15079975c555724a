import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Webhook } from 'standardwebhooks'
import { startTestApp, type TestApp } from '../testing.ts'
import { newWebhookSecret, signWebhook, WebhookInvalid, WebhookType, WebhookUrl } from '../webhooks/index.ts'
import { hooked, seen } from './webhooks.fixture.ts'

interface Received {
  path: string
  headers: IncomingHttpHeaders
  body: string
}

/** A real receiver: each path answers what `answers` says, 204 otherwise. */
async function startReceiver() {
  const received: Received[] = []
  const answers = new Map<string, (response: ServerResponse, nth: number) => void>()
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (piece) => (body += piece))
    request.on('end', () => {
      const path = request.url!
      received.push({ path, headers: request.headers, body })
      const answer = answers.get(path)
      if (answer) answer(response, received.filter((one) => one.path === path).length)
      else response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    at: (path: string) => received.filter((one) => one.path === path),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 90_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`still not: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const IN_SECRET = newWebhookSecret()
const OLD_SECRET = newWebhookSecret()

describe('webhooks', () => {
  let app: TestApp
  let receiver: Awaited<ReturnType<typeof startReceiver>>
  before(async () => {
    receiver = await startReceiver()
    app = await startTestApp(hooked, { roles: ['web', 'worker', 'console'], variables: { IN_SECRET, OLD_SECRET } })
  })
  after(async () => {
    await app.close()
    receiver.close()
  })

  const act = async <T = any>(what: string, id = '', given: object = {}, expected = 200): Promise<T> => {
    const reply = await app.fetch('/act', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ act: what, id, given }),
    })
    const body = await reply.json()
    assert.equal(reply.status, expected, JSON.stringify(body))
    return body as T
  }
  const add = (path: string) =>
    act<{ id: string; secret: string }>('add', '', { owner: path, url: receiver.url + path, events: ['order.paid'] })
  const send = (owner: string, more: object = {}) =>
    act<{ deliveries: number }>('send', '', { owner, data: { total: 1250 }, ...more })
  const only = async (endpoint: string) => (await act('list', endpoint))[0]

  test('go out with their transaction, to the endpoints of their owner that want them, and once for each key', async () => {
    const endpoint = await add('/plain')
    assert.deepEqual(await send('/plain', { key: 'o1' }), {
      webhookId: (await only(endpoint.id)).webhookId,
      deliveries: 1,
    })
    assert.equal((await send('/plain', { key: 'o1' })).deliveries, 0)
    assert.equal((await send('/plain', { type: 'order.placed' })).deliveries, 0)
    await add('/other')
    assert.equal((await send('/other', { key: 'o1' })).deliveries, 1, 'a key is of its owner')
    assert.equal((await send('/nobody')).deliveries, 0)
    await act('abandon', '', { owner: '/plain', data: { total: 1 } }, 500)
    await app.drain()
    const [one, ...more] = receiver.at('/plain')
    assert.deepEqual(more, [])
    const told = new Webhook(endpoint.secret).verify(one!.body, one!.headers as Record<string, string>)
    assert.deepEqual(told, {
      type: 'order.paid',
      timestamp: (told as { timestamp: string }).timestamp,
      data: { total: 1250 },
    })
    assert.equal(one!.headers['user-agent'], 'shop')
    const { attempts, status, deliveredAt } = await only(endpoint.id)
    assert.deepEqual([attempts, status, typeof deliveredAt], [1, 204, 'string'])
  })

  test('are refused when their type or data is not what was declared, and endpoints when they cannot be sent to', async () => {
    const codes = async (what: string, given: object, status: number) => (await act(what, '', given, status)).code
    assert.equal(await codes('send', { type: 'order.lost', data: {} }, 422), WebhookType.code)
    assert.equal(await codes('send', { type: 'constructor', data: {} }, 422), WebhookType.code)
    assert.equal(await codes('send', { data: { total: 'much' } }, 500), WebhookInvalid.code)
    assert.equal(await codes('add', { url: 'https://x.example', events: ['order.lost'] }, 422), WebhookType.code)
    for (const url of ['file:///etc/passwd', 'nonsense', 'https://user:word@x.example/'])
      assert.equal(await codes('add', { url }, 422), WebhookUrl.code)
    const { id } = await add('/own')
    assert.equal(await act('change', id, { owner: 'another', url: 'https://x.example' }), false)
    assert.equal((await act('get', id)).url, `${receiver.url}/own`)
  })

  test('are tried again under the same id and with the same bytes, and are a dead letter when the schedule has ended', async () => {
    const endpoint = await add('/failing')
    receiver.answers.set('/failing', (response) => response.writeHead(500).end(`no\u0000${'!'.repeat(100_000)}`))
    await send('/failing')
    const dead = () => app.instance.queue.list({ name: 'shop.webhook', state: 'dead', search: endpoint.id })
    await until('it is dead', async () => (await dead()).length === 1)
    const all = receiver.at('/failing')
    assert.equal(all.length, 3)
    assert.equal(new Set(all.map(({ headers, body }) => `${headers['webhook-id']} ${body}`)).size, 1)
    const { attempts, status, problem, answer } = await only(endpoint.id)
    assert.deepEqual([attempts, status, problem, answer.length], [3, 500, 'it answered 500.', 500])
    receiver.answers.delete('/failing')
    await app.instance.queue.retry((await dead())[0]!.id)
    await until('it has arrived', async () => (await only(endpoint.id)).deliveredAt !== undefined)
  })

  test('do not follow redirects, and wait for no answer for ever', async () => {
    const [moved, silent] = [await add('/moved'), await add('/silent')]
    receiver.answers.set('/moved', (response) => response.writeHead(307, { location: `${receiver.url}/secret` }).end())
    receiver.answers.set('/silent', () => {})
    await send('/moved')
    await send('/silent')
    await until('both have failed', async () => (await only(moved.id)).problem && (await only(silent.id)).problem)
    assert.match((await only(moved.id)).problem, /answered 307; redirects are not followed/)
    assert.match((await only(silent.id)).problem, /took too long|deadline/)
    assert.deepEqual(receiver.at('/secret'), [])
  })

  test('are signed with both secrets while one is changed, and neither is stored in the clear', async () => {
    const endpoint = await add('/changing')
    const { secret } = await act<{ secret: string }>('rotate', endpoint.id)
    await send('/changing')
    await until('it has come', () => receiver.at('/changing').length === 1)
    const [{ headers, body }] = receiver.at('/changing') as [Received]
    for (const one of [secret, endpoint.secret]) new Webhook(one).verify(body, headers as Record<string, string>)
    const { rows } = await app.db('shop').sql<{
      all: string
    }>`select webhook_endpoint::text as all from webhook_endpoint`
    assert.ok(rows.length > 0 && rows.every((row) => !row.all.includes('whsec_') && !row.all.includes(secret.slice(6))))
  })

  test('stop when nothing arrives for long, which is told; what was missed is sent when the endpoint is well again', async () => {
    const endpoint = await add('/down')
    receiver.answers.set('/down', (response) => response.writeHead(503).end())
    await send('/down')
    await until('it has failed', async () => (await act('get', endpoint.id)).failures === 3)
    assert.equal((await act('get', endpoint.id)).disabledAt, undefined, 'a short while is no reason')
    const since = new Date(Date.now() - 3_600_000)
    await app.db('shop')
      .sql`update webhook_endpoint set failing_since = now() - interval '2 h' where id = ${endpoint.id}`
    await send('/down')
    await until('it is told', () => seen.disabled.some((one) => one.startsWith('/down: Nothing has arrived')))
    assert.equal((await send('/down')).deliveries, 0)
    receiver.answers.delete('/down')
    const before = receiver.at('/down').length
    await act('enable', endpoint.id)
    await act('replay', endpoint.id, { since })
    const sent = async () =>
      (await act<{ deliveredAt?: string }[]>('list', endpoint.id)).filter((one) => one.deliveredAt)
    await until('all three have arrived', async () => (await sent()).length === 3)
    assert.equal(receiver.at('/down').length - before, 3)
    await act('replay', endpoint.id, { since, all: true })
    await until('all have come again', () => receiver.at('/down').length - before === 6)
    const [one] = await sent()
    await act('retry', (one as { id: string } & object).id)
    await until('one has come again', () => receiver.at('/down').length - before === 7)
    const ids = new Set(receiver.at('/down').map(({ headers }) => headers['webhook-id']))
    assert.equal(ids.size, 3, 'a replay goes under the old id')
  })

  test('are seen in the console, and enabled, replayed and sent again from there', async () => {
    const ask = async <T>(path: string, method = 'GET'): Promise<T> => {
      const headers = { 'x-tenfold-console': '1' }
      const answer = await fetch(new URL(`/api${path}`, app.instance.consoleUrl), { method, headers })
      const given = await answer.json()
      assert.equal(answer.status, 200, JSON.stringify(given))
      return given as T
    }
    interface Detail {
      endpoint: { disabledAt?: number; disabledWhy?: string }
      deliveries: { id: string; type: string; deliveredAt?: number }[]
    }
    const { id } = await add('/seen')
    receiver.answers.set('/seen', (response) => response.writeHead(503).end())
    await send('/seen')
    const at = `/webhooks/shop/${id}`
    await until('it has failed', async () => (await act('get', id)).failures === 3)
    await act('disable', id)
    receiver.answers.delete('/seen')
    const listed = await ask<{ id: string; url: string }[]>('/webhooks')
    assert.equal(listed.find((one) => one.id === id)!.url, `${receiver.url}/seen`)
    assert.ok((await ask<Detail>(at)).endpoint.disabledAt! > 0)
    assert.deepEqual(await ask(`${at}/enable`, 'POST'), { done: true })
    assert.equal((await ask<Detail>(at)).endpoint.disabledWhy, undefined)
    const headers = { 'x-tenfold-console': '1' }
    const endless = await fetch(new URL(`/api${at}/replay`, app.instance.consoleUrl), { method: 'POST', headers })
    assert.equal(endless.status, 400, 'without a time nothing is sent again')
    await ask(`${at}/replay?since=0`, 'POST')
    await until('it has arrived', async () => (await ask<Detail>(at)).deliveries[0]!.deliveredAt !== undefined)
    const before = receiver.at('/seen').length
    const [delivery] = (await ask<Detail>(at)).deliveries
    await ask(`/webhook-deliveries/shop/${delivery!.id}/retry`, 'POST')
    await until('it has come again', () => receiver.at('/seen').length === before + 1)
    const gone = await fetch(new URL(`/api/webhooks/shop/${delivery!.id}`, app.instance.consoleUrl))
    assert.equal(gone.status, 404)
  })

  test('wait for their next attempt no longer when they are sent again by hand', async () => {
    const endpoint = await add('/later')
    receiver.answers.set('/later', (response, nth) =>
      nth === 1 ? response.writeHead(429, { 'retry-after': '3600' }).end() : response.writeHead(200).end(),
    )
    await send('/later')
    const [waiting] = await (async () => {
      await until('it has failed', async () => (await only(endpoint.id))?.problem)
      return act<{ id: string }[]>('list', endpoint.id)
    })()
    await until(
      'it waits',
      async () => (await app.instance.queue.list({ state: 'delayed', search: endpoint.id })).length > 0,
    )
    await act('retry', waiting!.id)
    await until('it has arrived', () => receiver.at('/later').length === 2)
  })

  test('end at once where nobody is there any more', async () => {
    const endpoint = await add('/gone')
    receiver.answers.set('/gone', (response) => response.writeHead(410).end())
    await send('/gone')
    await until('it is disabled', async () => (await act('get', endpoint.id)).disabledAt)
    assert.equal(receiver.at('/gone').length, 1)
  })

  test('are sent again under the same id by another worker when theirs was killed after it had sent them', async () => {
    const lone = await startTestApp(hooked, { roles: ['web'], variables: { IN_SECRET, OLD_SECRET } })
    const { databaseUrl, secretKey } = lone.instance.environment
    const program = fileURLToPath(new URL('./webhooks.fixture.ts', import.meta.url))
    const env = {
      ...process.env,
      NODE_ENV: 'test',
      LOG_LEVEL: 'fatal',
      DATABASE_URL: databaseUrl,
      SECRET_KEY: secretKey,
    }
    const start = () => spawn(process.execPath, [program], { env, stdio: 'inherit' })
    const post = (body: object) =>
      lone.fetch('/act', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    let worker = start()
    try {
      receiver.answers.set('/killed', (response, nth) => {
        if (nth > 1) return void response.writeHead(204).end()
        worker.kill('SIGKILL')
        worker = start()
      })
      await post({ act: 'add', given: { owner: 'k', url: `${receiver.url}/killed` } })
      await post({ act: 'send', given: { owner: 'k', data: { total: 7 } } })
      await until('it has come twice', () => receiver.at('/killed').length === 2)
      const ids = receiver.at('/killed').map(({ headers, body }) => `${headers['webhook-id']} ${body}`)
      assert.equal(new Set(ids).size, 1)
    } finally {
      worker.kill('SIGKILL')
      await lone.close()
    }
  })

  test('that come in are handled once for their id, with what they write, and only if somebody we know has signed them', async () => {
    const post = async (id: string, secret: string, data: unknown, at = new Date()): Promise<number> => {
      const body = JSON.stringify({ type: 'order.paid', data })
      const headers = { 'content-type': 'application/json', ...signWebhook([secret], { id, at, body }) }
      return (await app.fetch('/hooks/orders', { method: 'POST', headers, body })).status
    }
    const at = (total: number): number => seen.received.filter((one) => one === total).length
    assert.deepEqual(await Promise.all([1, 2, 3].map(() => post('msg_a', IN_SECRET, { total: 41 }))), [204, 204, 204])
    assert.equal(await post('msg_b', OLD_SECRET, { total: 42 }), 204)
    assert.equal(await post('msg_c', newWebhookSecret(), { total: 43 }), 401)
    assert.equal(await post('msg_d', IN_SECRET, { total: 44 }, new Date(Date.now() - 301_000)), 401)
    assert.equal(await post('msg_e', IN_SECRET, { total: 'much' }), 400)
    assert.equal(await post('fails_f', IN_SECRET, { total: -1 }), 500)
    assert.equal(await post('fails_f', IN_SECRET, { total: 46 }), 204, 'what failed may come again')
    await until('both are noted', () => at(41) === 1 && at(42) === 1 && at(46) === 1)
    await app.drain()
    assert.deepEqual(
      seen.received.map(Number).toSorted((a, b) => a - b),
      [41, 42, 46],
    )
  })
})

test('a webhook to an address that turned private since is not sent', async () => {
  const receiver = await startReceiver()
  const app = await startTestApp(hooked, { variables: { ALLOW_PRIVATE: '0', IN_SECRET, OLD_SECRET } })
  try {
    const { port } = new URL(receiver.url)
    const post = (body: object) =>
      app.fetch('/act', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    const added = (await (await post({ act: 'add', given: { url: 'https://hooks.example/' } })).json()) as {
      id: string
    }
    // As if its name now led here.
    await app.db('shop').sql`update webhook_endpoint set url = ${`http://127.0.0.1:${port}/inner`}`
    await post({ act: 'send', given: { data: { total: 1 } } })
    const last = async () =>
      ((await (await post({ act: 'list', id: added.id, given: {} })).json()) as { problem?: string }[])[0]
    await until('it has failed', async () => (await last())?.problem !== undefined)
    assert.match((await last())!.problem!, /'127.0.0.1' is not a public address/)
    assert.deepEqual(receiver.at('/inner'), [])
  } finally {
    await app.close()
    receiver.close()
  }
})
