import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isAlive, PROJECT, sandbox, type Running, type Sandbox } from '../sandbox.fixture.ts'

interface Ready {
  url?: string
  console?: string
  roles: string[]
  ms: number
}

async function ready(app: Running): Promise<Ready> {
  return JSON.parse((await app.untilPrinted(/\{"ready":true.*\}/))[0]) as Ready
}

function postmaster(project: Sandbox): number {
  const file = join(project.folder, '.tenfold/postgres/data/postmaster.pid')
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0
}

async function untilGone(pid: number): Promise<void> {
  const deadline = Date.now() + 10_000
  while (isAlive(pid)) {
    assert.ok(Date.now() < deadline, `process ${pid} is still there`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('tenfold start, with the embedded database', () => {
  let project: Sandbox
  before(async () => void (project = await sandbox()))
  after(() => project.remove())

  test('serves, and stops at SIGINT and at SIGTERM with the database gone', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const app = project.start(['start', '--json'])
      const { url, console, roles } = await ready(app)
      assert.deepEqual(roles, ['web', 'worker', 'cron', 'console'])
      assert.deepEqual(await (await fetch(`${url}/hello`)).json(), { hello: 'world' })
      assert.equal((await fetch(`${url}/health/ready`)).status, 200)
      assert.equal((await fetch(`${url}/openapi.json`)).status, 200)
      assert.equal((await fetch(console!)).status, 200)
      const pid = postmaster(project)
      assert.ok(isAlive(pid))
      app.child.kill(signal)
      const { code, stderr } = await app.finished
      assert.deepEqual([code, stderr], [0, ''])
      await untilGone(pid)
    }
  })

  test('takes a Ctrl-C that comes twice, as it does through npm, for one; a closed terminal stops it, too', async () => {
    for (const signals of [
      ['SIGINT', 'SIGINT'],
      ['SIGHUP', 'SIGHUP'],
    ] as const) {
      const app = project.start(['start', '--only', 'web', '--json'])
      await ready(app)
      const pid = postmaster(project)
      for (const signal of signals) app.child.kill(signal)
      assert.deepEqual(await app.finished.then(({ code, signal }) => [code, signal]), [0, null])
      await untilGone(pid)
    }
  })

  test('ends at once when asked again later', async () => {
    const stubborn = await sandbox({
      files: {
        'modules/greetings/index.ts': `import { defineModule } from 'tenfold'
import { z } from 'zod'
const m = defineModule('greetings')
const slow = m.route('GET /slow', { auth: 'public', reply: z.string(), handler: () => new Promise<string>(() => {}) })
export default m.build({ parts: [slow] })
`,
      },
    })
    const app = stubborn.start(['start', '--only', 'web', '--json'])
    const { url } = await ready(app)
    const pid = postmaster(stubborn)
    void fetch(`${url}/slow`).catch(() => {})
    await fetch(`${url}/health/live`)
    const asked = Date.now()
    app.child.kill('SIGINT')
    const again = setInterval(() => Date.now() - asked > 1000 && app.child.kill('SIGINT'), 50)
    const { code } = await app.finished
    clearInterval(again)
    assert.equal(code, 130)
    assert.ok(Date.now() - asked < 15_000)
    await stubborn.run(['migrate', 'status']) // joins the database that was left behind, and stops it
    await untilGone(pid)
    await stubborn.remove()
  })

  test('tells people where everything is', async () => {
    const app = project.start(['start'])
    await app.untilPrinted(
      /notebook is ready after \d+ ms[^]*app +http:[^]*API reference +http:[^]*console +http:[^]*DATABASE_URL binds it[^]*Ctrl-C/,
    )
    app.child.kill('SIGINT')
    assert.equal((await app.finished).code, 0)
  })

  test('starts again after kill -9, and joins the database that was left behind', async () => {
    const killed = project.start(['start', '--json'])
    const { url } = await ready(killed)
    const headers = { 'content-type': 'application/json' }
    await fetch(`${url}/notes`, { method: 'POST', headers, body: '{"text":"kept"}' })
    const pid = postmaster(project)
    killed.child.kill('SIGKILL')
    assert.equal((await killed.finished).signal, 'SIGKILL')
    const app = project.start(['start', '--json'])
    const again = await ready(app)
    assert.deepEqual(await (await fetch(`${again.url}/notes`)).json(), ['kept'])
    assert.equal(postmaster(project), pid)
    app.child.kill('SIGTERM')
    assert.equal((await app.finished).code, 0)
    await untilGone(pid)
  })

  test('goes on when a promise fails that nobody waits for, and says so with the trace', async () => {
    const file = 'modules/greetings/index.ts'
    const forgets = `handler: () => {
    void Promise.resolve().then(() => { throw new Error('forgotten', { cause: new Error('the cause') }) })
    return { hello: 'world' }
  }`
    project.write({ [file]: PROJECT[file]!.replace("handler: () => ({ hello: 'world' })", forgets) })
    const app = project.start(['start', '--only', 'web', '--json'])
    const { url } = await ready(app)
    for (let round = 0; round < 2; round++) assert.equal((await fetch(`${url}/hello`)).status, 200)
    const [line] = await app.untilPrinted(/\{[^\n]*nobody waits for[^\n]*\}/)
    project.write(PROJECT)
    app.child.kill('SIGTERM')
    assert.equal((await app.finished).code, 0)
    const { level, error, stack, hint, trace_id: trace } = JSON.parse(line) as Record<string, string>
    assert.deepEqual([level, error], ['error', 'forgotten'])
    assert.match(hint!, /`await`/)
    assert.match(stack!, /caused by: Error: the cause/)
    assert.match(trace!, /^[0-9a-f]{32}$/)
  })

  test('says that a port is taken, and leaves nothing behind', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    const { code, stdout, stderr } = await project.run(['start'], { PORT: String(port) })
    other.close()
    assert.match(stderr, new RegExp(`TF_PORT_TAKEN .*${port}[^]*\\nfix: `))
    assert.doesNotMatch(stderr, /\n +at /)
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
    assert.equal(postmaster(project), 0)
  })
})

describe('tenfold start, with a database of its own', () => {
  let project: Sandbox & { databaseUrl: string }
  before(async () => void (project = await sandbox({ database: true })))
  after(() => project.remove())

  test('--modules serves only the routes of these modules', async () => {
    const app = project.start(['start', '--migrate', '--only', 'web', '--modules', 'greetings', '--json'])
    const { url, console, roles } = await ready(app)
    assert.deepEqual([roles, console], [['web'], undefined])
    assert.equal((await fetch(`${url}/hello`)).status, 200)
    assert.equal((await fetch(`${url}/notes`)).status, 404)
    app.child.kill('SIGTERM')
    assert.equal((await app.finished).code, 0)
    assert.equal(existsSync(join(project.folder, '.tenfold/postgres')), false)
  })

  test('a worker listens on no port', async () => {
    const app = project.start(['start', '--migrate', '--only', 'worker,cron', '--json'])
    const { url, console, roles } = await ready(app)
    assert.deepEqual([roles, url, console], [['worker', 'cron'], undefined, undefined])
    app.child.kill('SIGTERM')
    assert.equal((await app.finished).code, 0)
  })

  const usage: [string[], RegExp][] = [
    [['--only', 'wbe'], /--only cannot be 'wbe'; it has to be one or several of web, worker, cron, console/],
    [['--only', ''], /--only cannot be ''/],
    [['--modules', 'nots'], /--modules cannot be 'nots'; it has to be one or several of notes, greetings/],
  ]
  for (const [args, says] of usage) {
    test(`tenfold start ${args.join(' ')} is wrong usage`, async () => {
      const { code, stderr } = await project.run(['start', ...args])
      assert.match(stderr, says)
      assert.equal(code, 2)
    })
  }

  test('what is wrong with the environment is said without a stack', async () => {
    const notPostgres = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await new Promise<void>((resolve) => notPostgres.listen(0, '127.0.0.1', resolve))
    notPostgres.unref()
    const { port } = notPostgres.address() as AddressInfo
    const wrongPassword = new URL(project.databaseUrl)
    wrongPassword.password = 'wrong'
    const noDatabase = new URL(project.databaseUrl)
    noDatabase.pathname = '/nowhere'
    const cases: [Record<string, string>, RegExp][] = [
      [{ PORT: 'eighty' }, /TF_BAD_CONFIG [^]*PORT: must be a port number/],
      [{ NODE_ENV: 'production', SECRET_KEY: '' }, /TF_BAD_CONFIG [^]*SECRET_KEY: is needed in production/],
      [{ DATABASE_URL: 'mysql://x' }, /TF_BAD_CONFIG [^]*DATABASE_URL: must be of the form postgres:/],
      [{ DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' }, /TF_DATABASE_UNREACHABLE .*ECONNREFUSED/],
      [{ DATABASE_URL: 'postgres://u:p@nowhere.invalid/x' }, /TF_DATABASE_UNREACHABLE .*nowhere\.invalid/],
      [{ DATABASE_URL: wrongPassword.href }, /TF_DATABASE_UNREACHABLE .*password authentication failed/],
      [{ DATABASE_URL: noDatabase.href }, /TF_DATABASE_UNREACHABLE .*"nowhere" does not exist/],
      [{ DATABASE_URL: `postgres://u:p@127.0.0.1:${port}/x` }, /TF_DATABASE_UNREACHABLE .*cannot be reached/],
    ]
    for (const [variables, says] of cases) {
      const { code, stdout, stderr } = await project.run(['start'], variables)
      assert.match(stderr, says)
      assert.match(stderr, /\nfix: /)
      assert.doesNotMatch(stderr, /\n +at |:p@|wrong@/)
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
    }
    notPostgres.close()
  })
})
