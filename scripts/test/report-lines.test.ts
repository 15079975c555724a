import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closingLine, inLines } from './report-lines.ts'

test('closing lines become what counters look for, and nothing else changes', () => {
  assert.equal(closingLine('ℹ tests 12\n'), '# tests 12\n')
  assert.equal(closingLine('ℹ duration_ms 12.5\n'), '# duration_ms 12.5\n')
  assert.equal(closingLine('ℹ tests of the queue\n'), 'ℹ tests of the queue\n')
  assert.equal(closingLine('✔ tests 12 things\n'), '✔ tests 12 things\n')
})

test('lines arrive whole however the text was cut', () => {
  const lines: string[] = []
  const report = inLines((line) => lines.push(line))
  for (const text of ['a', 'b\nc', '\n', 'd\ne\nf']) report.write(text)
  assert.deepEqual(lines, ['ab\n', 'c\n', 'd\n', 'e\n'])
  report.end()
  assert.deepEqual(lines.at(-1), 'f')
})
