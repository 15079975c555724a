import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRepeatWatch } from '../database/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createQueries } from './queries.ts'

test('whoever counts repeats hears of each statement from when it is sent, with what was written into its text', () => {
  const telemetry = createTelemetry({ service: 'shop', env: 'test', destination: { write() {} } })
  const seen: string[] = []
  telemetry.statements.watch = {
    began: (module, shape, values) => {
      seen.push(`began ${shape} ${values.join(',')}${module}`)
      return values.join(',')
    },
    ended: (asked) => void seen.push(`ended ${String(asked)}`),
  }
  const { ask, askLater } = createQueries(telemetry, createRepeatWatch(telemetry))
  const inText = ask({ text: "select * from item where id = 7 and kind = $1 /* trace '99' */", values: ['book'] })!
  assert.equal(seen.length, 0, 'it waits for a connection')
  inText.sent()
  const other = ask({ text: 'select * from item where id = $1', values: [8] })!
  other.sent()
  other.failed(new Error('gone'))
  inText.done([], 0)
  askLater()({ text: 'select 1', values: [] })!.done([], 0)
  assert.deepEqual(
    seen.map((line) => line.replace(/select.+\? /, '… ')),
    ['began … book,7', 'began … 8', 'ended 8', 'ended book,7', 'began … 1', 'ended 1'],
  )
})
