import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { after, before, describe, test } from 'node:test'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { scenarioFromHar, type Scenario } from '../twin/index.ts'
import { startRecorder, type Recorder } from './index.ts'
import { loadScript } from './script.ts'

const TOKEN = 'tok_4f9a8b7c6d5e4f3a2b1c'
const SESSION = 's3ss10n-of-ann-0123456789'
const PASSWORD = 'correct horse 1'

/** An app with a login, a token, ids, a stream and a socket. */
async function startApp(): Promise<{ server: Server; url: string; asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''} ${body}`.trim())
      const json = (value: unknown, headers: Record<string, string> = {}): void =>
        void response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
      if (request.url === '/login')
        return json({ user: { id: 7, token: TOKEN } }, { 'set-cookie': `sid=${SESSION}; HttpOnly` })
      if (request.url === '/orders') return json({ id: 31 })
      if (request.url === '/events')
        return void response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: 1\n\n')
      if (request.url === '/form')
        return void response
          .writeHead(200, { 'content-type': 'text/html' })
          .end('<form><input name="csrf" value="c5rf-0123456789abcdef"></form>')
      return json({ seen: request.headers.cookie ?? 'nothing' })
    })
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data, { binary: false })))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await request.toArray()).toString()
}

describe('recording what people do', () => {
  let app: Awaited<ReturnType<typeof startApp>>
  let recorder: Recorder
  let text: string
  let scenario: Scenario
  before(async () => {
    app = await startApp()
    recorder = await startRecorder({ target: app.url, version: '1' })
    const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(recorder.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
    await post('/signup', { name: 'ann', password: PASSWORD })
    const login = await post('/login', { name: 'ann', password: PASSWORD })
    const cookie = login.headers.getSetCookie()[0]!.split(';')[0]!
    const { user } = (await login.json()) as { user: { token: string } }
    const bearer = { authorization: `Bearer ${user.token}`, cookie }
    await post('/orders', { item: 'mug' }, bearer)
    await fetch(`${recorder.url}/orders/31?key=${user.token}`, { headers: bearer })
    await post('/orders/pay', { orderId: 31 }, bearer)
    await (await fetch(`${recorder.url}/form`, { headers: bearer })).text()
    await fetch(`${recorder.url}/save`, {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'csrf=c5rf-0123456789abcdef&text=a+b&pin=1234',
    })
    await (await fetch(`${recorder.url}/events`, { headers: bearer })).text()
    await fetch(`${recorder.url}/me`, { headers: { 'user-agent': 'another', 'x-api-key': 'k-from-before-0001' } })
    const ws = new WebSocket(`${recorder.url.replace('http', 'ws')}/chat`, ['chat', `bearer.${TOKEN}`], {
      headers: { cookie },
    })
    await new Promise((resolve) => ws.once('open', resolve))
    const answer = new Promise((resolve) => ws.once('message', (data: Buffer) => resolve(`${data}`)))
    ws.send('{"say":"hi"}')
    assert.equal(await answer, '{"say":"hi"}')
    ws.close()
    text = JSON.stringify(recorder.archive())
    scenario = scenarioFromHar(JSON.parse(text), 'recorded.har')
  })
  after(async () => {
    await recorder?.close()
    app?.server.closeAllConnections()
    app?.server.close()
  })
  const steps = (): string[] =>
    scenario.steps.map((step) =>
      'request' in step ? step.request : 'listen' in step ? step.listen : `send ${step.message as string}`,
    )

  test('the app is asked what clients ask, unchanged', () => {
    assert.ok(app.asked.includes(`GET /orders/31?key=${TOKEN} Bearer ${TOKEN}`))
    assert.ok(app.asked.includes(`POST /login  {"name":"ann","password":"${PASSWORD}"}`))
  })

  test('nothing secret is in the file', () => {
    for (const secret of [TOKEN, SESSION, PASSWORD, 'c5rf-0123456789abcdef', 'k-from-before-0001', 'pin=1234'])
      assert.equal(text.includes(secret), false, secret)
    const { unknown } = recorder.counts
    assert.deepEqual([unknown.tokens, unknown.sessions, unknown.replaced], [1, 0, 2])
  })

  test('it becomes a scenario in which what answers give goes into later requests, each with their own cookies', () => {
    assert.deepEqual(steps(), [
      'POST /signup',
      'POST /login',
      'POST /orders',
      'GET /orders/{{v2}}?key={{v1}}',
      'POST /orders/pay',
      'GET /form',
      'POST /save',
      'GET /events',
      'GET /me',
      'WS /chat',
      'send {"say":"hi"}',
    ])
    const requests = scenario.steps.flatMap((step) => ('request' in step ? step : []))
    const [signUp, login, order, , pay, form, save, other] = requests
    const passwordIn = (text = ''): unknown => (JSON.parse(text) as { password?: unknown }).password
    assert.equal(passwordIn(signUp?.text), passwordIn(login?.text))
    assert.deepEqual(login?.save, { v1: 'user.token' })
    assert.deepEqual(order?.save, { v2: 'id' })
    assert.equal(order?.headers?.authorization, 'Bearer {{v1}}')
    assert.equal(pay?.text, '{"orderId":{{v2}}}')
    assert.match(form?.save?.v3 ?? '', /^text:.*name="csrf" value="\(/)
    assert.match(save?.text ?? '', /^csrf=\{\{v3\}\}&text=a\+b&pin=Redacted-/)
    assert.equal(new Set([login?.user, order?.user, save?.user]).size, 1)
    assert.notEqual(other?.user, login?.user)
    assert.equal(other?.headers?.['x-api-key'], 'redacted')
  })

  test('it becomes a file for load tests, with a flow for each person', () => {
    const script = loadScript(recorder.archive(), 'recorded')
    assert.match(script, /"route": "GET \/orders\/:v2"/)
    assert.match(script, /"visitor-2": \[/)
    assert.doesNotMatch(script, new RegExp(TOKEN))
  })

  test('what does not fit any more passes, and is not kept', async () => {
    const small = await startRecorder({ target: app.url, version: '1', mostBytes: 500 })
    for (let i = 0; i < 5; i++) assert.equal((await fetch(`${small.url}/me`)).status, 200)
    assert.ok(small.counts.dropped > 0)
    assert.equal(small.counts.kept + small.counts.dropped, 5)
    await small.close()
  })

  test('an app that is not there is said to the client; a port that is taken, to whoever records', async () => {
    const lonely = await startRecorder({ target: 'http://127.0.0.1:9', version: '1' })
    const answer = await fetch(lonely.url)
    assert.equal(answer.status, 502)
    assert.match(await answer.text(), /does not answer/)
    const port = Number(new URL(lonely.url).port)
    await assert.rejects(startRecorder({ target: app.url, version: '1', port }), { code: 'TF_RECORD_PORT_TAKEN' })
    await lonely.close()
  })
})
