import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closingLines, inLines, takeCount, type Counts } from './report-lines.ts'

const counted = (...lines: string[]): Counts => {
  const counts: Counts = new Map()
  for (const line of lines) assert.equal(takeCount(line, counts), true, line)
  return counts
}

test('closing lines become what counters look for, and nothing else is taken', () => {
  assert.equal(closingLines(counted('ℹ tests 12\n', 'ℹ duration_ms 12.5\n')), '# tests 12\n# duration_ms 12.5\n')
  assert.equal(takeCount('ℹ tests of the queue\n', new Map()), false)
  assert.equal(takeCount('✔ tests 12 things\n', new Map()), false)
})

test('what passes the second time is counted once, and what fails twice stays a failure', () => {
  const first = counted('ℹ tests 9', 'ℹ pass 7', 'ℹ fail 1', 'ℹ cancelled 1', 'ℹ duration_ms 5')
  const mended = counted('ℹ tests 4', 'ℹ pass 4', 'ℹ fail 0', 'ℹ cancelled 0', 'ℹ duration_ms 2')
  assert.equal(closingLines(first, mended), '# tests 9\n# pass 9\n# fail 0\n# cancelled 0\n# duration_ms 7\n')
  const half = counted('ℹ tests 4', 'ℹ pass 3', 'ℹ fail 1', 'ℹ cancelled 0', 'ℹ duration_ms 2')
  assert.equal(closingLines(first, half), '# tests 9\n# pass 8\n# fail 1\n# cancelled 0\n# duration_ms 7\n')
})

test('lines arrive whole however the text was cut', () => {
  const lines: string[] = []
  const report = inLines((line) => lines.push(line))
  for (const text of ['a', 'b\nc', '\n', 'd\ne\nf']) report.write(text)
  assert.deepEqual(lines, ['ab\n', 'c\n', 'd\n', 'e\n'])
  report.end()
  assert.deepEqual(lines.at(-1), 'f')
})
