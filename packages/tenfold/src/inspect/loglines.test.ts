import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogLines } from './loglines.ts'

const BOUNDS = { max: 100, maxBytes: 1024 * 1024, accessPerSecond: 3 }

function access(timeMs: number, status: number) {
  return { timeMs, level: 'info', message: `GET /books ${status}`, status, fields: {} } as const
}

test('of requests that went well some lines of each second are kept, of others all, and what the app says', () => {
  const lines = new LogLines(BOUNDS)
  for (let ms = 0; ms < 2000; ms += 20) {
    lines.add(access(ms, ms % 200 === 0 ? 404 : 200))
    if (ms % 500 === 0) lines.add({ timeMs: ms, level: 'info', message: 'said', fields: {} })
  }
  const kept = lines.take()
  const count = (message: string): number => kept.filter((line) => line.message === message).length
  assert.deepEqual(
    { well: count('GET /books 200'), not: count('GET /books 404'), said: count('said') },
    { well: 6, not: 10, said: 4 },
  )
  assert.equal(lines.dropped, 0, 'a choice is no loss')
})

test('a line that comes back is not chosen among once more', () => {
  const lines = new LogLines(BOUNDS)
  for (let n = 0; n < 3; n++) lines.add(access(n, 200))
  lines.putBack(lines.take())
  assert.equal(lines.take().length, 3)
})

test('what is beyond the bound is counted', () => {
  const lines = new LogLines({ ...BOUNDS, max: 2 })
  for (let n = 0; n < 5; n++) lines.add({ timeMs: n, level: 'info', message: 'said', fields: {} })
  assert.equal(lines.take().length, 2)
  assert.equal(lines.dropped, 3)
})
