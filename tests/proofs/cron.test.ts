/** The short form of `npm run prove -- cron`: a few faults pass, and planted ones are found. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import cron from '../../proofs/cron/index.ts'
import type { ClaimsOptions } from '../../scripts/claims/index.ts'

const options = (set: Record<string, string>, log: (line: string) => void): ClaimsOptions => ({
  quick: true,
  set: { seconds: '6', ...set },
  log,
  signal: new AbortController().signal,
  installPeers: () => Promise.reject(new Error('this proof has no peers')),
})

test('each tick runs once while instances are killed, paused and cut off', async () => {
  const said: string[] = []
  const { claims } = await cron.run(options({}, (line) => said.push(line)))
  assert.deepEqual(
    claims.filter((claim) => !claim.holds),
    [],
    said.join('\n'),
  )
})

test('ticks that are forgotten or made by a timer are found, and nothing else', async () => {
  const { claims } = await cron.run(options({ plant: 'timer,forget', seconds: '9' }, () => {}))
  const found = claims.filter((claim) => !claim.holds).map(({ claim }) => claim.replace(/ \(.*\)/, ''))
  assert.deepEqual(found, ['ticks that never ran', 'runs at times that no schedule has'])
})
