import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Claim } from '../../scripts/claims/index.ts'
import { addUp } from './slices.ts'

test('several runs have one verdict: what is to be reached and what must not be are added up', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-slices-'))
  const file = join(folder, 'slices.json')
  const run = (jobs: number, kills: number, lost: number): Claim[] =>
    [
      { claim: 'jobs', value: jobs },
      { claim: 'kills', value: kills },
      { claim: 'lost', value: lost },
    ].map((one) => ({ ...one, goal: 0, holds: false }))
  const held = async (seed: number, claims: Claim[]): Promise<boolean[]> =>
    (await addUp(file, seed, claims, { jobs: 100, kills: 10 })).map(({ holds }) => holds)
  try {
    assert.deepEqual(await held(1, run(60, 6, 0)), [false, false, true])
    assert.deepEqual(await held(1, run(60, 6, 0)), [false, false, true], 'the same run counts once')
    assert.deepEqual(await held(2, run(60, 6, 0)), [true, true, true])
    assert.deepEqual(await held(3, run(1, 1, 1)), [true, true, false], 'one job lost in one run is a job lost')
  } finally {
    await rm(folder, { recursive: true })
  }
})
