import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTelemetry, type LogRecord } from '../../telemetry/index.ts'
import type { NPlusOne } from './findings.ts'
import { createReport } from './report.ts'
import { wordsOf } from './words.ts'

const finding = (line: number, times = 10): NPlusOne => ({
  code: 'n-plus-one',
  what: 'read',
  origin: { kind: 'request', name: 'GET /posts' },
  module: 'blog',
  query: 'select * from "author" where "id" = ?',
  callSite: { file: 'modules/blog/list.ts', line },
  times,
  column: 'id',
  distinctKeys: times,
  source: { kind: 'query', query: 'select * from "post"', column: 'author_id' },
})

function reported(env: 'development' | 'production'): {
  report: (findings: readonly NPlusOne[]) => void
  logs: LogRecord[]
  count(): number
} {
  const logs: LogRecord[] = []
  const telemetry = createTelemetry({ service: 'shop', env, destination: { write() {} } })
  telemetry.addSink({ onLog: (log) => void logs.push(log) })
  const report = createReport(telemetry, wordsOf)
  const count = (): number => telemetry.metrics.snapshot().find(({ name }) => name === 'tenfold.findings')?.value ?? 0
  return { report, logs, count }
}

test('development is told of each place once, with the line, the cause and the fix; each is counted', () => {
  const { report, logs, count } = reported('development')
  report([finding(12), finding(30)])
  report([finding(12, 50)])
  assert.equal(count(), 3)
  assert.deepEqual(
    logs.map(({ level, fields }) => [level, fields['at']]),
    [
      ['warn', 'modules/blog/list.ts:12'],
      ['warn', 'modules/blog/list.ts:30'],
    ],
  )
  assert.match(logs[0]!.message, /N\+1 in GET \/posts: .* once for each 'author_id' in the result of/)
  assert.match(String(logs[0]!.fields['fix']), /where id = any\(\$1\)/)
})

test('production is not told in the log: it is counted', () => {
  const { report, logs, count } = reported('production')
  report([finding(12)])
  assert.deepEqual([logs.length, count()], [0, 1])
})
