import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { createTelemetry } from './index.ts'
import { followLevelSignal } from './level.ts'

test('SIGUSR2 makes the log more talkative step by step, and then as it was', (t) => {
  const lines: { level: string; msg: string }[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const telemetry = createTelemetry({ service: 'shop', env: 'test', level: 'info', destination })
  const signals = new EventEmitter()
  t.after(followLevelSignal(telemetry, signals))
  t.after(() => telemetry.close())
  const written = (): string[] => {
    lines.length = 0
    for (const level of ['trace', 'debug', 'info'] as const) telemetry.log[level](level)
    telemetry.log.access({ ...ACCESS, level: 'debug' })
    return lines.map(({ msg }) => msg)
  }
  const signal = (): unknown => signals.emit('SIGUSR2')
  assert.deepEqual(written(), ['info'])
  signal()
  assert.deepEqual(written(), ['debug', 'info', 'a request'])
  signal()
  assert.deepEqual(written(), ['trace', 'debug', 'info', 'a request'])
  signal()
  assert.deepEqual(written(), ['info'])
})

const ACCESS = {
  message: 'a request',
  requestId: 'r',
  method: 'GET',
  path: '/',
  status: 200,
  ms: 1,
  bytes: 0,
  ip: '::1',
  userId: undefined,
  code: undefined,
}
