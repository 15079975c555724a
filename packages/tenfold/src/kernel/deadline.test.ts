import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDeadline } from './deadline.ts'

test('whoever gets no answer in time gets an error, the others their answers', async () => {
  const deadline = createDeadline(20, () => new Error('late'))
  const never = new Promise<never>(() => {})
  const waits = [deadline.within(never), deadline.within(Promise.resolve(1)), deadline.within(never)]
  const all = await Promise.allSettled([...waits, deadline.within(Promise.reject(new Error('refused')))])
  assert.deepEqual(
    all.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as Error).message)),
    ['late', 1, 'late', 'refused'],
  )
  await assert.rejects(deadline.within(never), /late/)
  deadline.close()
})

test('an answer that is here but unread, because the process was busy, is taken', async () => {
  const deadline = createDeadline(5, () => new Error('late'))
  const answer = new Promise<string>((resolve) => void setTimeout(() => setImmediate(() => resolve('here')), 1))
  const answered = deadline.within(answer)
  for (const until = performance.now() + 30; performance.now() < until;);
  assert.equal(await answered, 'here')
  deadline.close()
})

test('a range follows how long answers take: short for what is quick, longer for what has become slow', async () => {
  const given: number[] = []
  const deadline = createDeadline({ least: 20, most: 10_000 }, (ms) => new Error(`late after ${given.push(ms)}`))
  const first = deadline.within(Promise.resolve())
  const never = new Promise<never>(() => {})
  await first
  for (let i = 0; i < 50; i++) await deadline.within(Promise.resolve())
  await assert.rejects(deadline.within(never), /late/)
  assert.ok(given[0]! < 1000, `${given[0]} ms`)
  const slow = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 300))
  // Too late at first; but what it took counts.
  for (let tried = 0; tried < 50; tried++) {
    const answer = slow()
    const inTime = await deadline.within(answer).then(
      () => true,
      () => false,
    )
    if (inTime) break
    assert.ok(tried < 20, 'it never waited for long enough')
    await answer
  }
  deadline.close()
})
