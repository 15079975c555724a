import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { sandbox, type Sandbox } from '../sandbox.fixture.ts'

describe('tenfold alerts', () => {
  let project: Sandbox
  const got: string[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    got.push(text)
    response.end()
  })
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`
    project = await sandbox({
      database: true,
      files: {
        'tenfold.config.ts': `import { config } from 'tenfold'
export default config({ alerts: { defaults: { cpu: false }, channels: { chat: { kind: 'slack', url: '${url}' } } } })
`,
      },
    })
    const { code, stderr } = await project.run(['migrate', 'up'])
    assert.equal(code, 0, stderr)
  })
  after(async () => {
    server.close()
    await project.remove()
  })

  test('a silence is listed, a test is sent, and what is not there is said', async () => {
    const silenced = await project.run(['alerts', 'silence', 'queue-age', '--for', '2h', '--because', 'an import'])
    assert.match(silenced.stdout, /^queue-age is silenced until /)
    const list = await project.run(['alerts', 'list'])
    assert.equal(list.code, 0, list.stderr)
    assert.match(list.stdout, /^all \d+ rules are well\nsilenced: queue-age until .*: an import .*\nnot looked at yet/)

    const [sent, unknown] = await Promise.all(['chat', 'pager'].map((name) => project.run(['alerts', 'test', name])))
    assert.equal(sent!.code, 0, sent!.stderr)
    assert.match(got[0]!, /This is a test/)
    assert.equal(unknown!.code, 1)
    assert.match(unknown!.stderr, /TF_ALERT_UNKNOWN .*'pager'.*chat/)
  })

  test('the rules are printed for Prometheus', async () => {
    const { code, stdout } = await project.run(['alerts', 'export'])
    assert.equal(code, 0)
    assert.match(stdout, /^groups:\n {2}- name: "tenfold-notebook"/)
    assert.doesNotMatch(stdout, /alert: "cpu"/)
  })
})
