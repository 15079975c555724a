import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzzer, fuzzRoutes } from './testing/fuzz.ts'
import { startServer } from './testing/index.ts'

/** Cases for one run. The seed is printed with a failure; FUZZ_SEED repeats it. A million of them over real connections:
 *  `npm run prove -- hostile`. */
const CASES = Number(process.env['FUZZ_CASES'] ?? 1000)
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000)

test(`whatever the body and the URL say, the answer is below 500 (seed ${SEED})`, async () => {
  const server = await startServer(fuzzRoutes())
  const next = fuzzer(SEED)
  const statuses = new Map<number, number>()
  for (let i = 0; i < CASES; i++) {
    const { path, body, type } = next()
    const request = new Request(`http://shop${path}`, { method: 'POST', body, headers: { 'content-type': type } })
    const response = await server.fetch(request)
    await response.arrayBuffer()
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    assert.ok(response.status < 500, `${response.status} for ${type} ${JSON.stringify(path)} ${JSON.stringify(body)}`)
  }
  assert.ok(
    [200, 400, 404, 415].every((status) => statuses.has(status)),
    `all kinds of answers were met: ${[...statuses].join(' ')}`,
  )
  assert.equal(Object.keys(Object.prototype).length, 0)
  await server.stop()
})
