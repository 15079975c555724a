import assert from 'node:assert/strict'
import { Agent, get } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { isAlive, PROJECT, sandbox, type Running, type Sandbox } from '../sandbox.fixture.ts'

const GREETINGS = 'modules/greetings/index.ts'

interface Ready {
  url: string
  console: string
  processes: Record<string, number>
}

async function ready(app: Running): Promise<Ready> {
  return JSON.parse((await app.untilPrinted(/\{"ready":true.*\}/))[0]) as Ready
}

/** Asks `GET /hello` all the time, over kept connections and new ones, and keeps what came. */
function load(url: string) {
  const kept = new Agent({ keepAlive: true, maxSockets: 4 })
  const outcomes = new Map<string, number>()
  let ending = false
  const ask = (agent: Agent | false): Promise<void> =>
    new Promise((resolve) => {
      const done = (outcome: string): void => {
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        setTimeout(resolve, 5)
      }
      const asking = get(`${url}/hello`, { agent }, (answer) => {
        let text = ''
        answer.on('data', (part) => (text += part))
        answer.on('end', () => done(`${answer.statusCode} ${text}`))
        answer.on('error', (error: NodeJS.ErrnoException) => done(String(error.code)))
      })
      asking.on('error', (error: NodeJS.ErrnoException) => done(String(error.code)))
    })
  const lanes = [kept, kept, kept, kept, false as const, false as const].map(async (agent) => {
    while (!ending) await ask(agent)
  })
  return {
    outcomes,
    async end(): Promise<Record<string, number>> {
      ending = true
      await Promise.all(lanes)
      kept.destroy()
      return Object.fromEntries(outcomes)
    },
  }
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

describe('an app in several processes', () => {
  let project: Sandbox
  let app: Running
  let before_: Ready
  before(async () => {
    project = await sandbox({ database: true })
    app = project.start(['start', '--processes', '2', '--migrate', '--json'], { LOG_LEVEL: 'info' })
    before_ = await ready(app)
  })
  after(() => project.remove())

  test('has a process for each of its parts, and tells their names in the log', async () => {
    assert.deepEqual(Object.keys(before_.processes), ['web-1', 'web-2', 'worker'])
    assert.equal((await fetch(before_.console)).status, 200)
    await until('both web processes have answered', async () => {
      await fetch(`${before_.url}/hello`, { headers: { connection: 'close' } })
      return ['web-1', 'web-2'].every((name) => new RegExp(`"instance":"${name}-.*GET /hello`).test(app.printed()))
    })
  })

  test('answers while one of its processes is killed, and gets another one', async () => {
    const running = load(before_.url)
    await until('there is load', () => (running.outcomes.get('200 {"hello":"world"}') ?? 0) > 20)
    process.kill(before_.processes['web-1']!, 'SIGKILL')
    await app.untilPrinted(/process 'web-1' has ended with SIGKILL[^]*process 'web-1' is back/)
    const outcomes = await running.end()
    // What the killed process was answering is lost with it, and no more than that.
    const { '200 {"hello":"world"}': good = 0, ECONNRESET: reset = 0, ...other } = outcomes
    assert.ok(good > 20 && reset <= 6, JSON.stringify(outcomes))
    assert.deepEqual(other, {})
  })

  test('takes up a new release without losing a request', async () => {
    const running = load(before_.url)
    project.write({ [GREETINGS]: PROJECT[GREETINGS]!.replace("'world'", "'there'") })
    const { code, stdout, stderr } = await project.run(['reload', '--json'])
    assert.deepEqual([code, stderr], [0, ''])
    const { processes } = JSON.parse(stdout) as { processes: { name: string; pid: number; up: boolean }[] }
    assert.deepEqual(
      processes.map(({ name, up }) => [name, up]),
      [
        ['web-1', true],
        ['web-2', true],
        ['worker', true],
      ],
    )
    await until('the new release answers', () => (running.outcomes.get('200 {"hello":"there"}') ?? 0) > 20)
    const outcomes = await running.end()
    assert.deepEqual(Object.keys(outcomes).sort(), ['200 {"hello":"there"}', '200 {"hello":"world"}'])
    assert.ok(processes.every(({ pid }) => isAlive(pid)))
    assert.equal(isAlive(before_.processes['web-2']!), false)
    assert.equal((await fetch(before_.console)).status, 200)
  })

  test('keeps its processes when the new release cannot run, and says so', async () => {
    project.write({ [GREETINGS]: 'export default (\n' })
    const { code, stderr } = await project.run(['reload'])
    assert.equal(code, 1)
    assert.match(stderr, /TF_RELOAD_FAILED .*Nothing was replaced.*'web-1'.*ended with code 1[^]*fix: /)
    assert.match(app.printed(), /web-1 \| TF_PROJECT_BROKEN/)
    assert.deepEqual(await (await fetch(`${before_.url}/hello`)).json(), { hello: 'there' })
    project.write({ [GREETINGS]: PROJECT[GREETINGS]! })
  })

  test('reloads at SIGHUP, too, and stops with all its processes at SIGTERM, also in the middle of that', async () => {
    const from = app.printed().length
    app.child.kill('SIGHUP')
    await app.untilPrinted(/process 'web-1' was replaced/, { from })
    app.child.kill('SIGTERM')
    assert.equal((await app.finished).code, 0)
    const gone = [...app.printed().matchAll(/"pid":(\d+)/g)].map(([, pid]) => Number(pid))
    assert.ok(gone.length >= 4)
    await until('all processes have gone', () => !gone.some(isAlive))
    const { code, stderr } = await project.run(['reload'])
    assert.equal(code, 1)
    assert.match(stderr, /TF_NOTHING_TO_RELOAD/)
  })

  test('takes its processes with it when it is killed', async () => {
    const killed = project.start(['start', '--processes', '2', '--only', 'web', '--json'])
    const { processes } = await ready(killed)
    killed.child.kill('SIGKILL')
    await until('they have gone', () => !Object.values(processes).some(isAlive))
  })
})

describe('an app in several processes that cannot run', () => {
  let project: Sandbox
  before(async () => void (project = await sandbox({ database: true })))
  after(() => project.remove())

  test('does not start when its first process does not', async () => {
    const { code, stderr } = await project.run(['start', '--processes', '2'], {
      DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x',
    })
    assert.equal(code, 1)
    assert.match(stderr, /web-1 \| TF_DATABASE_UNREACHABLE[^]*TF_PROCESS_NOT_READY .*'web-1'.*code 1[^]*fix: /)
    assert.doesNotMatch(stderr, /\n +at /)
  })

  test('says that the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    const { code, stderr } = await project.run(['start', '--processes', '2'], { PORT: String(port) })
    other.close()
    assert.equal(code, 1)
    assert.match(stderr, new RegExp(`TF_PORT_TAKEN .*${port}`))
  })

  test('refuses a number of processes that is none', async () => {
    const { code, stderr } = await project.run(['start', '--processes', 'many'])
    assert.match(stderr, /--processes cannot be 'many'; it has to be a number from 1 to 256, or auto/)
    assert.equal(code, 2)
  })
})
