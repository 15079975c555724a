import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isAlive, PROJECT, sandbox, type Running, type Sandbox } from '../sandbox.fixture.ts'

const GREETINGS = 'modules/greetings/index.ts'

describe('tenfold dev', () => {
  let project: Sandbox
  let dev: Running
  let seen = 0
  before(async () => {
    project = await sandbox()
    dev = project.start(['dev', '--only', 'web'])
  })
  after(() => project.remove())

  /** Waits for the next start and gives the app's address. */
  async function started(): Promise<string> {
    const found = await dev.untilPrinted(/is ready after[^]*?app +(http:\S+)[^]*?Ctrl-C/, { from: seen })
    seen += found.index + found[0].length
    return found[1]!
  }
  const postmaster = (): number =>
    Number(readFileSync(join(project.folder, '.tenfold/postgres/data/postmaster.pid'), 'utf8').split('\n')[0])
  const hello = async (url: string): Promise<unknown> => (await fetch(`${url}/hello`)).json()

  test('starts again on a change of code and of SQL, keeps the database up, and outlives a mistake', async () => {
    const url = await started()
    assert.deepEqual(await hello(url), { hello: 'world' })
    const pid = postmaster()

    project.write({ [GREETINGS]: PROJECT[GREETINGS]!.replace("'world'", "'there'") })
    assert.deepEqual(await hello(await started()), { hello: 'there' })
    assert.match(dev.printed(), /modules\/greetings\/index\.ts changed, starting again/)

    project.write({
      'modules/notes/migrations/0002_mood.sql': '--! phase: expand\nalter table note add column mood text;\n',
    })
    await started()
    const status = await project.run(['migrate', 'status', '--json'])
    const states = JSON.parse(status.stdout) as { name: string; state: string }[]
    assert.equal(states.find(({ name }) => name === '0002_mood')?.state, 'applied')

    project.write({ [GREETINGS]: 'export default (\n' })
    await dev.untilPrinted(/TF_PROJECT_BROKEN[^]*ended \(code 1\)/, { from: seen })
    project.write({ [GREETINGS]: PROJECT[GREETINGS]! })
    assert.deepEqual(await hello(await started()), { hello: 'world' })
    assert.equal(postmaster(), pid)
  })

  test('stops cleanly at Ctrl-C', async () => {
    const pid = postmaster()
    dev.child.kill('SIGINT')
    assert.equal((await dev.finished).code, 0)
    // Its parent has ended: whoever adopts it takes its exit status, in a moment.
    for (const deadline = Date.now() + 10_000; isAlive(pid);) {
      assert.ok(Date.now() < deadline, 'the database still runs')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })

  test('takes the app with it when it is killed', async () => {
    dev = project.start(['dev', '--only', 'web'])
    seen = 0
    const url = await started()
    dev.child.kill('SIGKILL')
    const deadline = Date.now() + 20_000
    for (;;) {
      const answers = await fetch(`${url}/health/live`).then(
        () => true,
        () => false,
      )
      if (!answers) return
      assert.ok(Date.now() < deadline, 'the app still answers')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })
})
