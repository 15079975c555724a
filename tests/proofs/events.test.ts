/** The short form of `npm run prove -- events`: a few kills pass, and planted faults are found. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import events from '../../proofs/events/index.ts'
import type { ClaimsOptions } from '../../scripts/claims/index.ts'

const options = (set: Record<string, string>, log: (line: string) => void): ClaimsOptions => ({
  quick: true,
  set: { kills: '4', ...set },
  log,
  signal: new AbortController().signal,
  installPeers: () => Promise.reject(new Error('this proof has no peers')),
})

test('no event is lost, repeated or out of order while processes are killed', async () => {
  const said: string[] = []
  const { claims } = await events.run(options({}, (line) => said.push(line)))
  assert.deepEqual(
    claims.filter((claim) => !claim.holds),
    [],
    said.join('\n'),
  )
})

test('events that are dropped, outside, jumbled or counted again are found', async () => {
  const { claims } = await events.run(options({ plant: 'drop,outside,jumble,again' }, () => {}))
  const found = claims.filter((claim) => !claim.holds).map(({ claim }) => claim.replace(/ \(such as .*\)$/, ''))
  assert.deepEqual(found, [
    'committed events that a subscriber did not get',
    'events of rolled-back transactions that somebody got',
    'events that were counted more than once by the subscriber with `once`',
    'events of one key that the ordered subscriber got out of order',
  ])
})
