/** What becomes of a source when nobody will read it, on both ways of a request. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { type HttpRequest, stream } from './index.ts'
import { eventually, route, startServer, type TestServer } from './testing/index.ts'

const seen: { began: boolean; socket?: Socket; source?: Readable; open?: () => void; closed?: boolean } = {
  began: false,
}
let server: TestServer
before(async () => {
  server = await startServer([
    route('GET /source', {
      timeout: 0,
      handle: async (request) => {
        await begin(request)
        return stream((seen.source = new Readable({ read() {} })))
      },
    }),
    route('GET /pieces', { timeout: 0, handle: async (request) => stream(late(request)) }),
    route('GET /nothing', {
      timeout: 100,
      handle: async () => stream((seen.source = new Readable({ read() {} }))),
    }),
    route('GET /bad', {
      handle: async () => stream((seen.source = Readable.from(['a'])), { headers: { 'x-a': 'b\r\nc' } }),
    }),
  ])
})
after(() => server.stop())

function begin(request: HttpRequest): Promise<void> {
  // Not `signal`: whoever reads that has asked to be told.
  seen.socket = (request as unknown as { raw: { socket: Socket } }).raw.socket
  seen.began = true
  return new Promise((resolve) => (seen.open = resolve))
}

async function* late(request: HttpRequest): AsyncGenerator<string> {
  try {
    await begin(request)
    for (;;) yield 'x'.repeat(100_000)
  } finally {
    seen.closed = true
  }
}

async function leave(path: string, headers: string): Promise<void> {
  Object.assign(seen, { began: false, closed: false, source: undefined })
  server.logs.length = 0
  const client = connect(server.port, '127.0.0.1')
  client.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n${headers}\r\n`)
  await eventually(() => seen.began, 'the handler runs')
  client.destroy()
  await eventually(() => seen.socket!.closed, 'the server has seen it')
}

const isRecorded = (): boolean => server.logs.some((log) => log.fields['status'] === 499)

for (const [way, headers] of [
  ['plain', ''],
  ["Node's", 'x-twice: 1\r\nx-twice: 1\r\n'],
] as const) {
  test(`a client that leaves before there is an answer (${way})`, async () => {
    await leave('/source', headers)
    seen.open!()
    await eventually(() => seen.source?.destroyed === true, 'the source is closed')
    await eventually(isRecorded, 'it is recorded')
  })

  test(`a client that leaves before the first piece (${way})`, async () => {
    await leave('/pieces', headers)
    await eventually(isRecorded, 'it is recorded, though there is no piece yet')
    seen.open!()
    await eventually(() => seen.closed === true, 'the source is closed')
  })

  test(`a first piece that does not come in time, and headers that cannot be sent (${way})`, async () => {
    for (const [path, status] of [
      ['/nothing', 503],
      ['/bad', 500],
    ] as const) {
      delete seen.source
      const answer = await server.raw(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${headers}\r\n`)
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), path)
      await eventually(() => seen.source?.destroyed === true, 'the source is closed')
    }
  })
}
