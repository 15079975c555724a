import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readObserveSettings } from './settings.ts'

test('an app is called as its package is; variables that are its own are not read', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'tenfold-observe-'))
  t.after(() => rm(root, { recursive: true }))
  await writeFile(join(root, 'package.json'), '{ "name": "@acme/shop", "version": "2.1.0" }')
  const settings = readObserveSettings(
    { PORT: '80', CONSOLE_PORT: '81', METRICS_PORT: 'x', DATABASE_URL: 'mysql://db/shop' },
    root,
  )
  assert.deepEqual(settings, {
    name: 'acme-shop',
    version: '2.1.0',
    env: 'development',
    root,
    storeUrl: undefined,
    appUrl: undefined,
    port: undefined,
    host: '127.0.0.1',
    token: undefined,
    metricsToken: undefined,
    flushMs: 2000,
    slotMs: 10_000,
    problems: [],
  })
})

test('what is set and cannot be used is named, and left out', () => {
  const { problems, ...settings } = readObserveSettings(
    {
      TENFOLD_OBSERVE_URL: 'redis://cache',
      TENFOLD_OBSERVE_PORT: 'four',
      TENFOLD_OBSERVE_EVERY: '1ms',
      TENFOLD_CONSOLE_TOKEN: 'short',
    },
    '/nowhere/at all',
  )
  assert.deepEqual(
    problems.map((problem) => problem.split(' ')[0]),
    ['TENFOLD_OBSERVE_EVERY', 'TENFOLD_OBSERVE_URL', 'TENFOLD_OBSERVE_PORT', 'TENFOLD_CONSOLE_TOKEN'],
  )
  const { name, storeUrl, port, token } = settings
  assert.deepEqual(
    { name, storeUrl, port, token },
    { name: 'at-all', storeUrl: undefined, port: undefined, token: undefined },
  )
})
