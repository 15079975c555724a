import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { prettyOutput } from './pretty.ts'

const BASE = {
  level: 'info',
  time: Date.UTC(2026, 10, 22, 12),
  service: 'shop',
  env: 'development',
  trace_id: 'a'.repeat(32),
}

function shown(line: Record<string, unknown>): string {
  const written: string[] = []
  prettyOutput((text) => void written.push(text)).write(`${JSON.stringify({ ...BASE, ...line })}\n`)
  assert.equal(written.length, 1)
  return stripVTControlCharacters(written[0]!).replace(/^\d\d:\d\d:\d\d\.\d{3} /, '')
}

const REQUEST = {
  requestId: 'b'.repeat(32),
  method: 'GET',
  path: '/rooms/7',
  status: 404,
  ms: 3.123,
  bytes: 20,
  ip: '::1',
}

test('a request is one line', () => {
  assert.equal(
    shown({ ...REQUEST, userId: '4', code: 'TF_NOT_FOUND', msg: 'GET /rooms/:id 404' }),
    'GET /rooms/7 404  3.1 ms  TF_NOT_FOUND  user 4\n',
  )
  assert.match(shown({ ...REQUEST, status: 500, msg: '' }), /GET \/rooms\/7 500 .* request b{32}\n$/)
})

test('a line of the app may have fields of a request', () => {
  assert.equal(
    shown({ level: 'warn', msg: 'charged slowly', requestId: 'b', ms: 12, trace_id: undefined }),
    'WARN charged slowly\n    requestId: b\n    ms: 12\n',
  )
})

test('what is told is one line, with its fields beside it', () => {
  assert.equal(shown({ msg: 'confirmed', booking: 7, by: { id: 1 } }), 'confirmed  booking=7 by={"id":1}\n')
})

test('a warning has its fields and its trace below it, and a stack its lines', () => {
  assert.equal(
    shown({ level: 'error', msg: 'POST /rooms failed', stack: 'Error: no\n    at rooms.ts:7' }),
    `ERROR POST /rooms failed\n    trace_id: ${'a'.repeat(32)}\n    stack: Error: no\n          at rooms.ts:7\n`,
  )
  assert.match(shown({ level: 'warn', msg: 'slow' }), /^WARN slow\n    trace_id: a{32}\n$/)
  assert.equal(shown({ level: 'warn', msg: 'no request', trace_id: undefined }), 'WARN no request\n')
})

test('codes that move the cursor are shown, not obeyed', () => {
  const line = { ...REQUEST, path: '/\u001b[2Jx\n', msg: '' }
  const written: string[] = []
  prettyOutput((text) => void written.push(text)).write(JSON.stringify({ ...BASE, ...line }))
  assert.ok(!written[0]!.includes('\u001b[2J'))
  assert.match(written[0]!, /\/\\x1b\[2Jx\\n/)
})
