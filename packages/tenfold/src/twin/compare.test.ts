import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Difference, differences, expectedFrom } from './compare.ts'
import type { Answer, Replayed } from './replay.ts'
import type { Scenario } from './scenario.ts'

const scenario: Scenario = { steps: [{ request: 'GET /me' }] }

const answer = (body: unknown, status = 200, headers = {}): Answer => ({ status, headers, body, instance: 'a' })
const replayed = (...answers: Answer[]): Replayed => ({ answers: [answers], streams: new Map() })

const compare = (first: Answer, second: Answer, got: Answer): Difference[] =>
  differences(scenario, expectedFrom(scenario, replayed(first), replayed(second)), replayed(got))

test('what differs between two runs alone is noise, whatever it is with several', () => {
  const run = (id: string, items: string[]): Answer =>
    answer({ id, items: items.map((one) => ({ id: one, name: 'mug' })) })
  assert.deepEqual(compare(run('a', ['x', 'y']), run('b', ['z', 'q']), run('c', ['r', 's'])), [])
  const [found] = compare(run('a', ['x', 'y']), run('b', ['z', 'q']), run('c', ['r']))
  assert.deepEqual([found?.at, found?.alone, found?.together], ['body.items', '2 entries', '1 entries'])
})

test('a list that grows from run to run is no difference', () => {
  assert.deepEqual(compare(answer({ items: [1] }), answer({ items: [1, 2] }), answer({ items: [1, 2, 3] })), [])
})

test('another status is one difference, with what was said', () => {
  const found = compare(answer({ name: 'ann' }), answer({ name: 'ann' }), answer({ error: 'who?' }, 401))
  assert.deepEqual(
    found.map(({ at, alone, together }) => [at, alone, together]),
    [['status', '200 {"name":"ann"}', '401 {"error":"who?"}']],
  )
})

test('the time of day is never compared', () => {
  const at = (ms: number): Answer =>
    answer({
      ms,
      s: Math.floor(ms / 1000),
      iso: new Date(ms).toISOString(),
      text: `it is ${new Date(ms).toUTCString()}`,
    })
  const now = Date.now()
  assert.deepEqual(compare(at(now), at(now), at(now + 61_000)), [])
})

test('answers to requests at the same time have no order', () => {
  const steps: Scenario = { steps: [{ request: 'POST /buy', times: 2, together: true }] }
  const alone = replayed(answer('sold', 409), answer('yours'))
  const expected = expectedFrom(steps, alone, replayed(answer('yours'), answer('sold', 409)))
  assert.deepEqual(differences(steps, expected, replayed(answer('yours'), answer('sold', 409))), [])
  assert.equal(differences(steps, expected, replayed(answer('yours'), answer('yours'))).length, 1)
})

test('a stream that hears less than alone is a difference', () => {
  const steps: Scenario = { steps: [{ listen: 'GET /events', as: 'feed' }] }
  const heard = (...messages: string[]): Replayed => ({ answers: [[]], streams: new Map([[0, messages]]) })
  const expected = expectedFrom(steps, heard('one', 'two'), heard('two', 'one'))
  assert.deepEqual(differences(steps, expected, heard('one', 'two')), [])
  assert.equal(differences(steps, expected, heard('one'))[0]?.at, 'messages')
})
