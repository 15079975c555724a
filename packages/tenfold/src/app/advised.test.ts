import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { advise } from '../advisor/index.ts'
import type { Evidence } from '../evidence/index.ts'
import { adviceSource } from './advised.ts'

const recorded = (name: string): Evidence =>
  JSON.parse(readFileSync(new URL(`../advisor/fixtures/${name}.json`, import.meta.url), 'utf8')) as Evidence
const verdictOn = (name: string) => ({ verdict: advise(recorded(name), { leastSeconds: 4 }) })

test('nobody waits for the advisor: what it says is there at the next look', async () => {
  let asked = 0
  const say = adviceSource(async () => (asked++, verdictOn('a-slow-partner')))
  assert.equal(say(), undefined)
  await new Promise(setImmediate)
  assert.deepEqual(
    say()?.map(({ cause, subject }) => [cause, subject]),
    [['slow-call', 'GET /partner']],
  )
  assert.equal(asked, 1)
})

test('an advisor that fails leaves what fires as it is', async () => {
  const say = adviceSource(() => Promise.reject(new Error('no database')))
  say()
  await new Promise(setImmediate)
  assert.equal(say(), undefined)
})
