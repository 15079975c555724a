import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseSync } from 'oxc-parser'
import { k6Script } from './k6.ts'
import { scenarioOf } from './scenario.ts'

const STAGES = [
  { rate: 50, for: '30s' },
  { rate: 50, to: 200, for: '2m' },
  { users: 5, for: 1000 },
] as const

test('requests as data become a script that parses, with the same rates and thresholds', async () => {
  const requests = [{ weight: 2, route: 'GET /items/:id', path: '/items/5' }]
  const scenario = {
    ...(await scenarioOf(undefined, requests)),
    thresholds: { p95: 200, errors: 0.01, 'GET /items/:id p99': 500 },
  }
  const script = k6Script({ url: 'http://127.0.0.1:3000', scenario, stages: STAGES, requests })
  assert.deepEqual(parseSync('load.ts', script).errors, [])
  const options = JSON.parse(/export const options = ({[^]*?\n})\n/.exec(script)![1]!)
  const { stage_1: steady, stage_2: ramp, stage_3: closed } = options.scenarios
  assert.deepEqual(
    [steady.executor, steady.rate, steady.timeUnit, steady.duration],
    ['constant-arrival-rate', 500, '10s', '30000ms'],
  )
  assert.deepEqual(
    [ramp.executor, ramp.startRate, ramp.stages, ramp.startTime],
    ['ramping-arrival-rate', 500, [{ target: 2000, duration: '120000ms' }], '30000ms'],
  )
  assert.deepEqual([closed.executor, closed.vus, closed.startTime], ['constant-vus', 5, '150000ms'])
  assert.deepEqual(options.thresholds, {
    http_req_duration: ['p(95)<=200'],
    http_req_failed: ['rate<=0.01'],
    'http_req_duration{name:GET /items/:id}': ['p(99)<=500'],
  })
})

/** The few functions of k6 that the script uses, over fetch: so that the script can be run where there is no k6. */
const K6 = `
import { registerHooks } from 'node:module'
const MODULES = {
  'k6': 'export const sleep = () => {}',
  'k6/execution': 'export default { scenario: { iterationInTest: 7 } }',
  'k6/http': \`export default {
    expectedStatuses: (...all) => all,
    async asyncRequest(method, url, body, { headers }) {
      const answer = await fetch(url, { method, body, headers })
      const text = await answer.text()
      return { status: answer.status, headers: {}, body: text, json: () => JSON.parse(text) }
    },
  }\`,
}
globalThis.__ENV = {}
registerHooks({
  resolve: (name, context, next) => name in MODULES ? { url: 'data:text/javascript,' + encodeURIComponent(MODULES[name]), shortCircuit: true } : next(name, context),
})
const { default: run, setup } = await import(process.argv[2])
const data = await setup()
for (let i = 0; i < 20; i++) await run(data)
`

test('the script of a scenario runs its flows against a real server', async () => {
  const seen = new Set<string>()
  const server = createServer((request, response) => {
    seen.add(`${request.method} ${request.url}`)
    response.end('{"ok":true}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-k6-'))
  try {
    const file = join(folder, 'browse.ts')
    writeFileSync(
      file,
      `export default { name: 'browse', setup: ({ call }) => call('GET /setup'), flows: {
         read: ({ call, data }) => call('GET /items/:id', { params: { id: 'a b' }, query: { ok: data.ok, tag: ['x', 'y'] } }),
         write: { weight: 2, run: async ({ call, pause, number }) => { await pause('1s'); await call('POST /items', { body: { number } }) } },
       } }`,
    )
    const scenario = await scenarioOf(file)
    const script = k6Script({ url, scenario, stages: STAGES, file: { scenario: file, folder } })
    assert.deepEqual(parseSync('load.ts', script).errors, [])
    writeFileSync(join(folder, 'script.ts'), script)
    writeFileSync(join(folder, 'k6.mjs'), K6)
    const child = spawn(process.execPath, [join(folder, 'k6.mjs'), join(folder, 'script.ts')], { stdio: 'inherit' })
    assert.deepEqual(await once(child, 'exit'), [0, null])
    assert.deepEqual([...seen].toSorted(), ['GET /items/a%20b?ok=true&tag=x&tag=y', 'GET /setup', 'POST /items'])
  } finally {
    server.close()
    rmSync(folder, { recursive: true })
  }
})
