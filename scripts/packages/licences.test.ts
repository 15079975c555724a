import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notFree, shippedIn, shippedPackages, type Lock } from './licences.ts'

test('nothing is shipped under a licence that asks for more than to be named', async () => {
  const shipped = await shippedPackages()
  const names = shipped.map(({ name }) => name)
  for (const name of ['fastify', 'kysely', 'pg', 'cookie', 'preact']) assert.ok(names.includes(name), name)
  for (const name of ['typescript', 'vite', 'bullmq', 'axe-core', '@duckdb/node-api'])
    assert.ok(!names.includes(name), name)
  assert.deepEqual(notFree(shipped), [])
})

test('a dependency of a dependency under another licence is noticed', () => {
  const lock: Lock = {
    packages: {
      'packages/tenfold': { dependencies: { a: '1.0.0' }, devDependencies: { dev: '1.0.0' } },
      'packages/console': { devDependencies: { inside: '1.0.0' } },
      'node_modules/a': { version: '1.0.0', license: '(MIT OR GPL-3.0)', dependencies: { b: '^1.0.0', away: '*' } },
      'node_modules/a/node_modules/b': { version: '1.0.0', license: 'AGPL-3.0' },
      'node_modules/b': { version: '2.0.0', license: 'MIT' },
      'node_modules/dev': { version: '1.0.0', license: 'GPL-3.0' },
      'node_modules/inside': { version: '1.0.0' },
    },
  }
  const shipped = shippedIn(lock)
  assert.deepEqual(
    shipped.map(({ name, how }) => `${name} ${how}`),
    ['a installed', 'b installed', 'inside bundled'],
  )
  assert.deepEqual(
    notFree(shipped).map(({ name, licence }) => `${name}: ${licence}`),
    ['b: AGPL-3.0', 'inside: none that npm knows'],
  )
})
