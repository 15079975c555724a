import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { parsers } from './values.ts'

const TIMESTAMPTZ = 1184

test('a moment is read as the driver reads it, in UTC and elsewhere', () => {
  const own = parsers.getTypeParser(TIMESTAMPTZ, 'text') as (text: string) => unknown
  const driver = pg.types.getTypeParser(TIMESTAMPTZ, 'text') as (text: string) => unknown
  for (const text of [
    '2026-01-02 03:04:05+00',
    '2026-01-02 03:04:05.1+00',
    '2026-01-02 03:04:05.129999+00',
    '1969-12-31 23:59:59.999999+00',
    '0100-02-03 00:00:00.5+00',
    '0099-01-01 00:00:00+00',
    '2026-01-02 03:04:05+02',
    '2026-01-02 03:04:05.12-10',
    '2026-01-02 03:04:05+05:30',
    '2026-01-02 03:04:05+05:00',
    '1890-01-01 00:00:00+00:53:28',
    '1890-01-01 00:00:00-00:53:00',
    '12026-01-02 03:04:05.1+00',
    '0044-03-15 00:00:00+00 BC',
    'infinity',
    '-infinity',
  ])
    assert.deepEqual(own(text), driver(text), text)
})
