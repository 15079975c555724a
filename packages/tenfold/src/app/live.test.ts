import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { defineModule } from '../modules/index.ts'
import { app, type Instance } from './index.ts'
import { startTwo } from './testing/index.ts'

const m = defineModule('news')
const ticker = m.live('ticker', { message: z.object({ n: z.number() }) })
const follow = m.route('GET /ticker/:name', {
  auth: 'public',
  timeout: '1s',
  handler: ({ params, request }) => ticker.follow(params.name, request),
})
const tell = m.route('POST /ticker/:name/:n', {
  auth: 'public',
  handler: ({ params, db }) =>
    db.transaction(async (tx) => {
      await ticker.publish(params.name, { n: Number(params.n) }, { tx })
      if (params.n === '13') throw new Error('unlucky')
    }),
})
const definition = app({ name: 'live_test', modules: [m.build({ parts: [ticker, follow, tell] })] })

describe('following over two instances', () => {
  let two: Awaited<ReturnType<typeof startTwo>>
  let instances: Instance[]
  before(async () => {
    two = await startTwo(definition)
    instances = two.instances
  })
  after(async () => {
    await two?.close()
  })

  const publish = (from: number, channel: string, n: number): Promise<Response> =>
    fetch(`${instances[from]!.url}/ticker/${channel}/${n}`, { method: 'POST' })

  /** Reads events until the text holds `pattern`. */
  async function open(at: number, channel: string, headers: Record<string, string> = {}) {
    const response = await fetch(`${instances[at]!.url}/ticker/${channel}`, { headers })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    return {
      response,
      async until(pattern: RegExp): Promise<string> {
        while (!pattern.test(text)) {
          const { done, value } = await reader.read()
          if (done) throw new Error(`it ended with:\n${text}`)
          text += value
        }
        return text
      },
      async ended(): Promise<string> {
        for (;;) {
          const { done, value } = await reader.read()
          if (done) return text
          text += value
        }
      },
      cancel: () => reader.cancel(),
    }
  }

  test('what is published on one instance arrives on the other, with the commit, for longer than the route may take', async () => {
    const stream = await open(1, 'a')
    assert.equal(stream.response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    await stream.until(/^retry: \d+\n\n/)
    assert.equal((await publish(0, 'a', 13)).status, 500)
    assert.equal((await publish(0, 'b', 5)).status, 204)
    await new Promise((resolve) => setTimeout(resolve, 1100))
    assert.equal((await publish(0, 'a', 1)).status, 204)
    await publish(1, 'a', 2)
    const text = await stream.until(/"n":1[^]*"n":2|"n":2[^]*"n":1/)
    assert.doesNotMatch(text, /"n":(13|5)/)
    await stream.cancel()
  })

  test('who comes back to another instance gets what was missed, or hears that it cannot be told', async () => {
    const first = await open(0, 'c')
    await first.until(/retry/)
    const witness = await open(1, 'c')
    await witness.until(/retry/)
    await publish(0, 'c', 1)
    const id = /id: (\w+)\ndata: {"n":1}/.exec(await first.until(/"n":1/))![1]!
    await first.cancel()
    await publish(0, 'c', 2)
    await witness.until(/"n":2/)
    const again = await open(1, 'c', { 'last-event-id': id })
    assert.doesNotMatch(await again.until(/"n":2/), /"n":1/)
    const stranger = await open(1, 'c', { 'last-event-id': 'unknown' })
    await stranger.until(/event: gap/)
    for (const stream of [witness, again, stranger]) await stream.cancel()
  })

  /** The same over a WebSocket: what has come so far, and the end. */
  async function socketAt(at: number, channel: string, protocols: string[] = []) {
    const url = instances[at]!.url!.replace('http', 'ws')
    const ws = new WebSocket(`${url}/ticker/${channel}`, ['tenfold.v1', ...protocols])
    const messages: { id?: string; data?: { n: number }; event?: string }[] = []
    const closed = new Promise<{ code: number; reason: string }>((resolve) =>
      ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    )
    ws.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString())))
    await new Promise((resolve, reject) => ws.on('open', resolve).on('error', reject))
    return {
      messages,
      closed,
      close: () => ws.close(),
      async until(holds: (all: typeof messages) => boolean): Promise<void> {
        const deadline = Date.now() + 20_000
        while (!holds(messages)) {
          if (Date.now() > deadline) throw new Error(`got only ${JSON.stringify(messages)}`)
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      },
    }
  }

  test('a WebSocket at the same address gets the same messages, on whichever instance', async () => {
    const socket = await socketAt(1, 'ws')
    await socket.until(([first]) => first?.event === 'ready')
    await publish(0, 'ws', 1)
    await publish(0, 'ws', 2)
    await socket.until((all) => all.at(-1)?.data?.n === 2)
    const [, one, two] = socket.messages
    assert.deepEqual([one!.data, two!.data], [{ n: 1 }, { n: 2 }])
    socket.close()
    await publish(0, 'ws', 3)
    const witness = await socketAt(0, 'ws', [`tenfold.after.${two!.id}`])
    await witness.until((all) => all.some(({ data }) => data))
    assert.deepEqual(
      witness.messages.flatMap(({ data }) => data ?? []),
      [{ n: 3 }],
    )
    const stranger = await socketAt(1, 'ws', ['tenfold.after.unknown'])
    await stranger.until((all) => all.some(({ event }) => event === 'gap'))
    witness.close()
    stranger.close()
  })

  test('what does not fit the schema is refused', async () => {
    await assert.rejects(
      instances[0]!.run(() => ticker.publish('a', { n: 'one' } as unknown as { n: number })),
      { code: 'TF_LIVE_INVALID' },
    )
  })

  test('an instance that stops sends its followers away at once', async () => {
    const stream = await open(0, 'd')
    await stream.until(/retry/)
    const socket = await socketAt(0, 'e')
    const stopped = instances.shift()!.stop()
    assert.match(await stream.ended(), /^retry: \d+\n\n$/)
    assert.deepEqual(await socket.closed, { code: 1012, reason: 'TF_STOPPING' })
    await stopped
  })
})
