import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createCoalescer } from './enqueue.ts'

/** Writes rows of JSON; refuses statements that hold a row `"bad"`, as Postgres would. */
function recordingWriter(): {
  write: (rows: string) => Promise<string[]>
  statements: unknown[][]
  mostAtOnce: () => number
} {
  const statements: unknown[][] = []
  let now = 0
  let most = 0
  return {
    statements,
    mostAtOnce: () => most,
    async write(json) {
      const rows = JSON.parse(json) as unknown[]
      statements.push(rows)
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, 5))
      now--
      if (rows.includes('bad')) throw Object.assign(new Error('bad data'), { code: '22P02' })
      if (rows.includes('lost')) throw Object.assign(new Error('connection lost'), { code: '08006' })
      return rows.map((row) => `id of ${String(row)}`)
    },
  }
}

it('the calls of one turn share a statement, and at most two are under way', async () => {
  const { write, statements, mostAtOnce } = recordingWriter()
  const queue = createCoalescer(write)
  const first = Array.from({ length: 10 }, (_, i) => queue.add([`${i}`]))
  assert.deepEqual(
    (await Promise.all(first)).flat(),
    first.map((_, i) => `id of ${i}`),
  )
  assert.equal(statements.length, 1)
  await Promise.all(Array.from({ length: 3500 }, (_, i) => queue.add([`${i}`])))
  assert.equal(statements.length, 5)
  assert.equal(mostAtOnce(), 2)
})

it('a call that Postgres refuses fails alone', async () => {
  const { write } = recordingWriter()
  const queue = createCoalescer(write)
  const results = await Promise.allSettled([queue.add(['"a"']), queue.add(['"bad"']), queue.add(['"b"', '"c"'])])
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual((results[2] as PromiseFulfilledResult<string[]>).value, ['id of b', 'id of c'])
})

it('after a lost connection nothing is written twice: all calls of the statement fail', async () => {
  const { write, statements } = recordingWriter()
  const queue = createCoalescer(write)
  const results = await Promise.allSettled([queue.add(['"a"']), queue.add(['"lost"'])])
  assert.deepEqual(
    results.map((result) => result.status),
    ['rejected', 'rejected'],
  )
  assert.equal(statements.length, 1)
})

it('what waits is bounded, and drained at the end', async () => {
  const { write } = recordingWriter()
  const queue = createCoalescer(write)
  const many = Array.from({ length: 50_000 }, (_, i) => `${i}`)
  const accepted = queue.add(many)
  await assert.rejects(queue.add(['1']), { code: 'TF_QUEUE_FULL' })
  let written = false
  void accepted.then(() => (written = true))
  await queue.drain()
  assert.ok(written)
})
