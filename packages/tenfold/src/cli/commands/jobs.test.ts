import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { JobRow } from '../../queue/index.ts'
import { sandbox, type Running, type Sandbox } from '../sandbox.fixture.ts'

describe('tenfold jobs, on a job that has died', () => {
  let project: Sandbox
  let app: Running
  let url: string
  before(async () => {
    project = await sandbox({ database: true })
    app = project.start(['start', '--migrate', '--only', 'web,worker', '--json'])
    url = JSON.parse((await app.untilPrinted(/\{"ready":true.*\}/))[0]).url as string
    const headers = { 'content-type': 'application/json' }
    for (const text of ['one', 'two']) {
      const reply = await fetch(`${url}/notes`, { method: 'POST', headers, body: JSON.stringify({ text }) })
      assert.equal(reply.status, 204)
    }
  })
  after(() => project.remove())

  async function untilDead(count: number): Promise<JobRow[]> {
    const deadline = Date.now() + 30_000
    for (;;) {
      const { code, stdout, stderr } = await project.run(['jobs', 'list', '--state', 'dead', '--json'])
      assert.equal(code, 0, stderr)
      const jobs = JSON.parse(stdout) as JobRow[]
      if (jobs.length === count && jobs.every((job) => job.name === 'notes.index')) return jobs
      assert.ok(Date.now() < deadline, `not ${count} dead jobs: ${stdout}`)
    }
  }

  test('list, show, retry and discard do what they say', async () => {
    const [second, first] = await untilDead(2)
    const table = await project.run(['jobs', 'list', '--state', 'dead', '--limit', '1'])
    assert.match(table.stdout, new RegExp(`^${second!.id} +notes\\.index +dead +1/1 .*the index is on fire$`, 'm'))
    assert.doesNotMatch(table.stdout, new RegExp(`^${first!.id} `, 'm'))

    const shown = await project.run(['jobs', 'show', first!.id])
    assert.deepEqual((JSON.parse(shown.stdout) as { payload: unknown }).payload, { text: 'one' })

    const gone = await project.run(['jobs', 'discard', first!.id])
    assert.deepEqual([gone.code, gone.stdout], [0, `job ${first!.id} is gone\n`])
    const again = await project.run(['jobs', 'discard', first!.id, '--json'])
    assert.equal(again.code, 1)
    assert.equal((JSON.parse(again.stderr) as { code: string }).code, 'TF_NO_SUCH_JOB')

    const retried = await project.run(['jobs', 'retry', second!.id, '--json'])
    assert.deepEqual([retried.code, JSON.parse(retried.stdout)], [0, { id: second!.id, done: true }])
    const [dead] = await untilDead(1)
    assert.equal(dead!.id, second!.id)
    const all = await project.run(['jobs', 'retry', '--all', 'notes.index'])
    assert.deepEqual([all.code, all.stdout], [0, '1 job is tried again\n'])
  })

  test('wrong arguments are wrong usage', async () => {
    const cases: [string[], RegExp][] = [
      [['jobs', 'list', '--state', 'lost'], /TF_BAD_OPTION_VALUE .*'lost'.*dead/],
      [['jobs', 'list', '--limit', '0'], /TF_BAD_OPTION_VALUE .*'0'.*1 to 500/],
      [['jobs', 'retry'], /TF_MISSING_ARGUMENT .*the id of a job/],
      [['jobs', 'show', 'abc'], /TF_BAD_OPTION_VALUE .*'abc'.*a number/],
      [['jobs', 'show', '9'.repeat(30)], /TF_BAD_OPTION_VALUE/],
    ]
    for (const [args, says] of cases) {
      const { code, stderr } = await project.run(args)
      assert.match(stderr, says)
      assert.equal(code, 2)
    }
    const none = await project.run(['jobs', 'show', '999999'])
    assert.match(none.stderr, /TF_NO_SUCH_JOB/)
    assert.equal(none.code, 1)
    const misspelt = await project.run(['jobs', 'pause', 'notes.idnex'])
    assert.match(misspelt.stderr, /TF_NO_JOB_OF_NAME .*did you mean 'notes\.index'/)
    assert.equal(misspelt.code, 1)
  })
})
