/** The short form of `npm run prove -- jobs`: a few kills pass, and planted faults are found. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import jobs from '../../proofs/jobs/index.ts'
import type { ClaimsOptions } from '../../scripts/claims/index.ts'

const options = (set: Record<string, string>, log: (line: string) => void): ClaimsOptions => ({
  quick: true,
  set: { kills: '4', ...set },
  log,
  signal: new AbortController().signal,
  installPeers: () => Promise.reject(new Error('this proof has no peers')),
})

test('no job is lost and none runs twice without cause while processes are killed', async () => {
  const said: string[] = []
  const { claims } = await jobs.run(options({}, (line) => said.push(line)))
  assert.deepEqual(
    claims.filter((claim) => !claim.holds),
    [],
    said.join('\n'),
  )
})

test('every planted fault is found, and nothing else', async () => {
  const { claims } = await jobs.run(options({ plant: 'lose,outside,crowd,again' }, () => {}))
  const found = claims.filter((claim) => !claim.holds).map(({ claim }) => claim.replace(/ \(.*\)/, ''))
  // Whether a lost job was the delivery of an event is chance.
  assert.deepEqual(
    found.filter((claim) => claim !== 'events that a subscriber did not get'),
    [
      'committed jobs that did not run to their end',
      'jobs of rolled-back transactions that ran',
      'jobs that ran again after they had finished',
      'moments with more than 2 runs of one concurrency key',
    ],
  )
})
