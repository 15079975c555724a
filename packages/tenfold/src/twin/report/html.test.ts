import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keepRun, listRuns } from '../keep.ts'
import type { TwinReport } from '../twin.ts'
import { renderHtml } from './html.ts'
import { viewOf } from './view.ts'

const HOSTILE = '<script>alert(1)</script>'
const REPORT: TwinReport = {
  passed: false,
  command: `node ${HOSTILE}.js`,
  instances: 2,
  steps: 3,
  runs: 7,
  ms: 4321,
  watched: true,
  findings: [
    {
      cause: 'memory-sessions',
      differences: [
        { step: 0, request: 'GET /me', at: 'status', alone: '200', together: `401 ${HOSTILE}`, instance: 'b' },
      ],
      evidence: [{ kind: 'store', package: 'express-session', at: { file: 'server.js', line: 6 } }],
      places: [{ file: 'server.js', line: 6 }],
    },
  ],
  notes: [{ text: 'a counter', places: [] }],
}

test('the page has each finding with its place, what differs and what to do, and nothing that runs', () => {
  const page = renderHtml(viewOf(REPORT, Date.UTC(2026, 0, 2)))
  for (const part of [
    'server.js:6',
    'express-session',
    'one instance says 200',
    'Give the session store',
    '2026-01-02',
  ])
    assert.ok(page.includes(part), part)
  assert.doesNotMatch(page, /<script|https?:\/\//)
})

test('a page of a run without findings says what was looked for', () => {
  const page = renderHtml(viewOf({ ...REPORT, command: 'x', passed: true, findings: [] }, 0))
  assert.match(page, /passes/)
  assert.match(page, /Sessions are kept in the memory of one instance/)
})

test('the last twenty runs are kept, and what is no run is left out', () => {
  const folder = mkdtempSync(join(tmpdir(), 'twin-runs-'))
  for (let n = 0; n < 25; n++) keepRun(folder, viewOf(REPORT, Date.UTC(2026, 0, 1, 0, 0, n)))
  writeFileSync(join(folder, '9999.json'), '{ no')
  writeFileSync(join(folder, 'notes.json'), '{}')
  const runs = listRuns(folder)
  assert.equal(runs.length, 20)
  assert.equal(runs[0]?.at, Date.UTC(2026, 0, 1, 0, 0, 24))
  rmSync(folder, { recursive: true })
})
