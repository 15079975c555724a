import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { eventually, route, startServer } from './testing/index.ts'

function gate() {
  const doors: (() => void)[] = []
  return {
    wait: () => new Promise<void>((resolve) => doors.push(resolve)),
    waiting: () => doors.length,
    open: () => doors.forEach((open) => open()),
  }
}

test('stopping finishes what runs, tells its connection to close, and takes nothing new', async () => {
  const { wait, waiting, open } = gate()
  const server = await startServer([route('GET /slow', { handle: async () => wait().then(() => ({ done: true })) })])
  const running = server.get('/slow')
  await eventually(() => waiting() === 1, 'the request runs')
  const stopped = server.stop()
  await assert.rejects(async () => {
    for (;;) await connects(server.port)
  }, /ECONNREFUSED|ECONNRESET/)
  open()
  const response = await running
  assert.deepEqual([response.status, response.headers.get('connection')], [200, 'close'])
  assert.deepEqual(await response.json(), { done: true })
  await stopped
})

test('while it drains it is not ready, but goes on answering', async () => {
  const server = await startServer([route('GET /a', { handle: async () => ({}) })], { drainDelay: 300 })
  assert.equal((await server.get('/health/ready')).status, 200)
  const stopped = server.stop()
  const ready = await server.get('/health/ready')
  assert.equal(ready.status, 503)
  assert.equal(((await ready.json()) as { status: string }).status, 'stopping')
  assert.equal((await server.get('/a')).status, 200)
  await stopped
})

test('at the deadline what still runs is aborted and answered 503', async () => {
  const seen: unknown[] = []
  const server = await startServer(
    [
      route('GET /forever', {
        handle: ({ signal }) =>
          new Promise((_, reject) =>
            signal.addEventListener('abort', () => (seen.push(signal.reason), reject(signal.reason))),
          ),
      }),
    ],
    { stopTimeout: 100 },
  )
  const running = server.get('/forever')
  await eventually(() => server.logs.length > 0, 'it listens')
  const idle = connect(server.port, '127.0.0.1')
  await new Promise((resolve) => idle.once('connect', resolve))
  await new Promise((resolve) => setTimeout(resolve, 50))
  const start = performance.now()
  await server.stop()
  assert.ok(performance.now() - start < 3000, 'an idle connection does not hold the process')
  const response = await running
  assert.equal(response.status, 503)
  assert.equal(((await response.json()) as { code: string }).code, 'TF_STOPPING')
  assert.equal(seen.length, 1)
  idle.destroy()
})

test('a client that leaves aborts the signal', async () => {
  const seen: string[] = []
  const server = await startServer([
    route('GET /wait', {
      handle: ({ signal }) => {
        seen.push('started')
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => (seen.push('aborted'), reject(signal.reason))),
        )
      },
    }),
  ])
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET /wait HTTP/1.1\r\nhost: a\r\n\r\n')
  await eventually(() => seen.includes('started'), 'the handler runs')
  socket.destroy()
  await eventually(() => seen.includes('aborted'), 'the signal aborted')
  await eventually(() => server.logs.some((log) => log.fields['status'] === 499), 'the line says 499')
  await server.stop()
})

function connects(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.on('connect', () => {
      socket.destroy()
      resolve()
    })
  })
}
