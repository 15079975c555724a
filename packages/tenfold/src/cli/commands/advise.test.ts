import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sandbox, type Sandbox } from '../sandbox.fixture.ts'

const PROGRAM = fileURLToPath(new URL('../../../bin/tenfold.js', import.meta.url))
const RECORDED = new URL('../../advisor/fixtures/a-slow-partner.json', import.meta.url)

interface Reply {
  result: {
    serverInfo: { name: string }
    tools: { name: string }[]
    content: [{ text: string }]
    isError?: boolean
  }
  error: { code: number }
}

let project: Sandbox & { databaseUrl: string }
before(async () => {
  project = await sandbox({ database: true })
  assert.equal((await project.run(['migrate', 'up'])).code, 0)
})
after(() => project.remove())

test('a verdict from a file needs no app, and exits 1 when there is a step', async () => {
  // Ten seconds would be too short a time to judge by: the same for a longer one.
  const recorded = JSON.parse(readFileSync(RECORDED, 'utf8')) as { window: object; coverage: object }
  recorded.window = { ...recorded.window, seconds: 600 }
  recorded.coverage = { ...recorded.coverage, requests: 5000 }
  writeFileSync(join(project.folder, 'evidence.json'), JSON.stringify(recorded))
  const { code, stdout } = await project.run(['advise', 'evidence.json'])
  assert.equal(code, 1)
  assert.match(stdout, /^harmed {2}Users are harmed/)
  assert.match(stdout, /next step {2}Take the call to .+ out of GET \/partner/)
  assert.match(stdout, /way back {2}the release before/)
  const asJson = JSON.parse((await project.run(['advise', 'evidence.json', '--json'])).stdout) as {
    verdict: { bottleneck: { code: string } }
  }
  assert.equal(asJson.verdict.bottleneck.code, 'slow-call')
})

test('an app that was never asked has too little evidence, and that is no failure', async () => {
  const { code, stdout } = await project.run(['advise'])
  assert.equal(code, 0)
  assert.match(stdout, /^unknown {2}Not enough evidence yet/)
  const evidence = await project.run(['evidence'])
  assert.equal((JSON.parse(evidence.stdout) as { format: string }).format, 'tenfold-evidence')
})

test('what is no evidence is refused by name', async () => {
  writeFileSync(join(project.folder, 'other.json'), '{"format":"tenfold-evidence","version":1}')
  const { code, stderr } = await project.run(['advise', 'other.json'])
  assert.equal(code, 1)
  assert.match(stderr, /TF_NOT_EVIDENCE {2}other\.json is no evidence that can be judged: it has no 'app'/)
  const bad = await project.run(['advise', '--minutes', 'ten'])
  assert.equal(bad.code, 2)
  assert.match(bad.stderr, /TF_BAD_OPTION_VALUE/)
})

test('an assistant is answered over standard input and output', async () => {
  const env = {
    ...process.env,
    DATABASE_URL: project.databaseUrl,
    SECRET_KEY: 'a secret key for tests, and nothing else',
  }
  const child = spawn(process.execPath, [PROGRAM, 'mcp'], {
    cwd: project.folder,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const ask = async (message: object): Promise<Reply> => {
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
    const [line] = (await once(lines, 'line')) as [string]
    return JSON.parse(line) as Reply
  }
  const opened = await ask({ id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18' } })
  assert.equal(opened.result.serverInfo.name, 'tenfold')
  child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
  const { result } = await ask({ id: 2, method: 'tools/list' })
  assert.deepEqual(
    result.tools.map(({ name }) => name),
    ['advise', 'findings', 'evidence'],
  )
  const advice = await ask({ id: 3, method: 'tools/call', params: { name: 'advise', arguments: { minutes: 5 } } })
  assert.match(advice.result.content[0].text, /Not enough evidence yet/)
  const wrong = await ask({ id: 4, method: 'tools/call', params: { name: 'advise', arguments: { minutes: 900 } } })
  assert.equal(wrong.result.isError, true)
  assert.equal((await ask({ id: 5, method: 'no/such' })).error.code, -32_601)
  child.stdin.end()
  await once(child, 'exit')
})
