import assert from 'node:assert/strict'
import { get } from 'node:http'
import { after, describe, test } from 'node:test'
import { createSupervisor, launch, openSockets, type ListeningSocket, type Supervisor } from './index.ts'

const quiet = { info: () => {}, warn: () => {}, error: () => {} }

/** A process without an app: answers with its own id, and ends when it is told to. */
const SERVES = `
  const server = require('node:http').createServer((request, response) => {
    if (request.url === '/die') process.exit(7)
    response.end(String(process.pid))
  })
  server.listen({ fd: 3 }, () => process.send({ tenfold: 'ready', ready: { newDatabase: false } }))
  process.on('message', () => server.close(() => process.exit()))
  process.on('disconnect', () => process.exit())
`
const DIES = `setTimeout(() => process.exit(7), 20)`

interface Crew {
  supervisor: Supervisor
  port: number
  /** What processes that start from now on run. */
  runs(program: string): void
  ask(path?: string): Promise<string>
}

describe('a supervisor', () => {
  const crews: Supervisor[] = []
  after(async () => {
    for (const one of crews) await one.stop()
  })

  async function crew(count: number, program = SERVES, sharesPort = true): Promise<Crew> {
    let runs = program
    const sockets = await openSockets({ host: '127.0.0.1', port: 0, count, sharesPort })
    const place = (web: ListeningSocket, i: number) => ({
      name: `web-${i + 1}`,
      serves: true,
      sockets: [web],
      launch: () =>
        launch({
          name: `web-${i + 1}`,
          args: ['-e', runs],
          env: process.env,
          cwd: process.cwd(),
          sockets: { web },
          readyTimeoutMs: 60_000,
          stopTimeoutMs: 60_000,
          onError: () => {},
        }),
    })
    const supervisor = createSupervisor({ processes: sockets.map(place), log: quiet })
    crews.push(supervisor)
    const { port } = sockets[0]!
    return {
      supervisor,
      port,
      runs: (next) => void (runs = next),
      ask: (path = '/') =>
        new Promise((resolve) => {
          get({ port, path, host: '127.0.0.1', agent: false }, (answer) => {
            let text = ''
            answer.on('data', (part) => (text += part)).on('end', () => resolve(text))
          }).on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
        }),
    }
  }

  test('lets connections wait while the only process is started again', async () => {
    const { supervisor, ask } = await crew(1)
    await supervisor.start()
    const { pid } = supervisor.states()[0]!
    assert.equal(await ask(), String(pid))
    assert.equal(await ask('/die'), 'ECONNRESET')
    const answers = await Promise.all([ask(), ask(), ask()])
    assert.ok(
      answers.every((answer) => /^\d+$/.test(answer) && answer !== String(pid)),
      String(answers),
    )
  })

  test('spreads connections over its processes', async () => {
    const { supervisor, ask } = await crew(3)
    await supervisor.start()
    const answers = new Set<string>()
    const deadline = Date.now() + 30_000
    while (answers.size < 3 && Date.now() < deadline) answers.add(await ask())
    assert.deepEqual(
      [...answers].sort(),
      supervisor
        .states()
        .map(({ pid }) => String(pid))
        .sort(),
    )
  })

  test('does with one socket for all where the system has no more: serves, starts again, reloads, and lets go', async () => {
    const { supervisor, ask } = await crew(2, SERVES, false)
    await supervisor.start()
    const before = supervisor.states().map(({ pid }) => String(pid))
    const asked = new Set(await Promise.all(Array.from({ length: 20 }, () => ask())))
    assert.ok([...asked].every((pid) => before.includes(pid)))
    assert.equal(await ask('/die'), 'ECONNRESET')
    assert.match(await ask(), /^\d+$/)
    await supervisor.reload()
    assert.match(await ask(), /^\d+$/)
    assert.ok(supervisor.states().every(({ pid, up }) => up && !before.includes(String(pid))))
    await supervisor.stop()
    assert.equal(await ask(), 'ECONNREFUSED')
  })

  test('opens the one socket again after all have let it go', async () => {
    const [first, second] = await openSockets({ host: '127.0.0.1', port: 0, count: 2, sharesPort: false })
    const before = first!.fd()
    assert.equal(second!.fd(), before)
    first!.close()
    assert.equal(second!.fd(), before)
    second!.close()
    assert.ok(first!.fd() > 0)
    assert.equal(second!.fd(), first!.fd())
    first!.close()
    second!.close()
  })

  test('gives up when no process stays up, and says which and how', async () => {
    const { supervisor, ask, runs } = await crew(2)
    await supervisor.start()
    runs(DIES)
    const pids = supervisor.states().map(({ pid }) => pid!)
    process.kill(pids[0]!, 'SIGKILL')
    let gaveUp: string | undefined
    void supervisor.gaveUp.then(({ message }) => (gaveUp = message))
    await ask()
    assert.equal(gaveUp, undefined)
    process.kill(pids[1]!, 'SIGKILL')
    const { code, message } = await supervisor.gaveUp
    assert.equal(code, 'TF_CRASH_LOOP')
    assert.match(message, /'web-\d' ended 5 times in a row soon after its start, last with code 7/)
  })

  test('changes nothing when the first successor does not get ready', async () => {
    const { supervisor, ask, runs } = await crew(2)
    await supervisor.start()
    const before = supervisor.states()
    runs(DIES)
    await assert.rejects(supervisor.reload(), {
      code: 'TF_RELOAD_FAILED',
      details: { process: 'web-1', why: 'it ended with code 7', replaced: 0, of: 2 },
    })
    assert.deepEqual(supervisor.states(), before)
    assert.match(await ask(), /^\d+$/)
  })

  test('ends what has started when one of them does not start', async () => {
    const { supervisor, port, ask } = await crew(2, DIES)
    await assert.rejects(supervisor.start(), { code: 'TF_PROCESS_NOT_READY' })
    assert.deepEqual(
      supervisor.states().map(({ up }) => up),
      [false, false],
    )
    assert.equal(await ask(), 'ECONNREFUSED', `port ${port} is still open`)
  })
})
