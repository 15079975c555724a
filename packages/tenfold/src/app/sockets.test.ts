import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { generateClient } from '../http/index.ts'
import { defineModule } from '../modules/index.ts'
import { app, routesDocument, type Instance } from './index.ts'
import { startTwo } from './testing/index.ts'

const m = defineModule('rooms')
const Said = z.object({ from: z.string(), text: z.string() })
const said = m.live('said', { message: Said })
const chat = m.socket('GET /rooms/:room/chat', {
  auth: 'user',
  receive: z.object({ text: z.string().max(20) }),
  send: Said,
  timeout: '5s',
  limits: { messageBytes: 1000, perSecond: 20 },
  opened: ({ params, socket }) => socket.follow(said, params.room),
  async message({ message, params, user, socket }) {
    if (message.text === 'fail') throw new Error('secret inside')
    if (message.text === 'me') await socket.send({ from: 'you', text: user.id })
    else await said.publish(params.room, { from: user.id, text: message.text })
  },
})
const signIn = m.route('POST /sign-in/:name', {
  auth: 'public',
  reply: z.object({ token: z.string() }),
  handler: ({ params, session }) => session.signIn({ id: params.name }),
})
const signOut = m.route('POST /sign-out', { auth: 'user', handler: ({ session }) => session.signOut() })
const definition = app({ name: 'socket_test', modules: [m.build({ parts: [said, chat, signIn, signOut] })] })

interface Client {
  open(
    route: string,
    options: object,
    on: Record<string, (value: never) => void>,
  ): { send(m: unknown): void; close(): void }
}

describe('a socket of a module over two instances', () => {
  let two: Awaited<ReturnType<typeof startTwo>>
  let instances: Instance[]
  let folder: string
  let createClient: (options: object) => Client
  before(async () => {
    two = await startTwo(definition)
    instances = two.instances
    folder = await mkdtemp(join(tmpdir(), 'tenfold-socket-'))
    await writeFile(join(folder, 'client.mjs'), generateClient(routesDocument(definition, '1')).js)
    ;({ createClient } = await import(pathToFileURL(join(folder, 'client.mjs')).href))
  })
  after(async () => {
    await two?.close()
    if (folder) await rm(folder, { recursive: true })
  })

  const token = async (user: string): Promise<string> => {
    const answer = await fetch(`${instances[0]!.url}/sign-in/${user}`, { method: 'POST' })
    return ((await answer.json()) as { token: string }).token
  }
  const bearer = async (user: string): Promise<Record<string, string>> => ({
    authorization: `Bearer ${await token(user)}`,
  })
  const eventually = async (holds: () => boolean, what: () => unknown): Promise<void> => {
    const deadline = Date.now() + 20_000
    while (!holds()) {
      if (Date.now() > deadline) throw new Error(`did not happen: ${JSON.stringify(what())}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  /** What happens on a socket of the generated client, in one list. */
  const open = async (baseUrl: string, headers: Record<string, string>, room: string) => {
    const seen: unknown[] = []
    const socket = createClient({ baseUrl, headers }).open(
      'GET /rooms/:room/chat',
      { params: { room } },
      {
        ready: () => seen.push('ready'),
        message: (message) => seen.push(message),
        gap: () => seen.push('gap'),
        error: (error: { code: string; issues: unknown[] }) => seen.push(error.code),
        closed: (closing) => seen.push(closing),
      },
    )
    return {
      ...socket,
      seen,
      has: (count: number) =>
        eventually(
          () => seen.length >= count,
          () => seen,
        ),
    }
  }

  test('what one says is heard at every instance, by the generated client', async () => {
    const ann = await open(instances[0]!.url!, await bearer('ann'), 'a')
    const bob = await open(instances[1]!.url!, await bearer('bob'), 'a')
    await Promise.all([ann.has(1), bob.has(1)])
    ann.send({ text: 'hello' })
    await Promise.all([ann.has(2), bob.has(2)])
    bob.send({ text: 'me' })
    await bob.has(3)
    assert.deepEqual(bob.seen, ['ready', { from: 'ann', text: 'hello' }, { from: 'you', text: 'bob' }])
    assert.deepEqual(ann.seen, ['ready', { from: 'ann', text: 'hello' }])
    ann.close()
    bob.close()
  })

  test('what does not fit, and what fails, the client is told without the inside; the connection goes on', async () => {
    const ann = await open(instances[0]!.url!, await bearer('ann'), 'b')
    ann.send({ text: 'x'.repeat(50) })
    ann.send({ text: 'fail' })
    ann.send({ text: 'me' })
    await ann.has(4)
    assert.deepEqual(ann.seen, ['ready', 'TF_SOCKET_INVALID', 'TF_INTERNAL', { from: 'you', text: 'ann' }])
    ann.close()
  })

  test('who may not open it hears why, once; a plain request is told what the address is for', async () => {
    const stranger = await open(instances[0]!.url!, {}, 'c')
    await stranger.has(1)
    assert.deepEqual(stranger.seen, [{ code: 4401, reason: 'TF_SIGN_IN_REQUIRED' }])
    const plain = await fetch(`${instances[0]!.url}/rooms/c/chat`, { headers: await bearer('ann') })
    assert.equal(plain.status, 426)
    assert.equal(((await plain.json()) as { code: string }).code, 'TF_UPGRADE_REQUIRED')
  })

  test('a page of another origin cannot open it with the cookies of its visitor', async () => {
    const signedIn = await fetch(`${instances[0]!.url}/sign-in/ann`, { method: 'POST' })
    const cookie = signedIn.headers.getSetCookie()[0]!.split(';')[0]!
    const status = (origin: string): Promise<number> =>
      new Promise((resolve) => {
        const ws = new WebSocket(`${instances[0]!.url!.replace('http', 'ws')}/rooms/d/chat`, {
          headers: { cookie, origin },
        })
        ws.on('open', () => (resolve(101), ws.terminate()))
        ws.on('unexpected-response', (_request, { statusCode }) => (resolve(statusCode!), ws.terminate()))
        ws.on('error', () => {})
      })
    assert.equal(await status('https://evil.example'), 403)
    assert.equal(await status(instances[0]!.url!), 101)
  })

  test('when an instance stops, nobody misses what is said meanwhile at the other', async () => {
    // One address, as a balancer has it: the first instance until it is gone.
    const to = { url: instances[0]!.url! }
    const witness = await open(instances[1]!.url!, await bearer('bob'), 'e')
    const front = await openFront(() => to.url)
    const ann = await open(front.url, await bearer('ann'), 'e')
    await Promise.all([ann.has(1), witness.has(1)])
    for (let n = 0; n < 5; n++) witness.send({ text: `${n}` })
    await ann.has(6)
    to.url = instances[1]!.url!
    const stopped = instances.shift()!.stop()
    for (let n = 5; n < 15; n++) {
      witness.send({ text: `${n}` })
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await stopped
    await eventually(
      () => ann.seen.some((one) => (one as { text?: string }).text === '14'),
      () => ann.seen,
    )
    const heard = ann.seen.flatMap((one) => (one as { text?: string }).text ?? [])
    assert.deepEqual(
      heard,
      Array.from({ length: 15 }, (_, n) => `${n}`),
    )
    ann.close()
    witness.close()
    await front.close()
  })
})

/** A balancer of the smallest kind: bytes, to whoever is named when a connection comes. */
async function openFront(target: () => string): Promise<{ url: string; close(): Promise<void> }> {
  const { createServer, connect } = await import('node:net')
  const server = createServer((socket) => {
    const { port } = new URL(target())
    const on = connect(Number(port), '127.0.0.1')
    socket.pipe(on).pipe(socket)
    socket.on('error', () => on.destroy())
    on.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}`, close: () => new Promise((resolve) => server.close(() => resolve())) }
}
