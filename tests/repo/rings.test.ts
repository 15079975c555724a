import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeLaw } from './law.ts'
import { RINGS, rings, WHY } from './rings.ts'

const src = (files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [`packages/tenfold/src/${path}`, text]))

const below = {
  'kernel/index.ts': '',
  'kernel/clock.ts': '',
  'database/index.ts': '',
  'database/testing/index.ts': '',
  'cron/index.ts': '',
}

describeLaw(
  rings,
  {
    'an arrow that points up': {
      files: src({ ...below, 'kernel/a.ts': `import { x } from '../database/index.ts'` }),
      says: /kernel\/a\.ts:1 imports \.\.\/database\/index\.ts - kernel is below database: everything stands on it/,
    },
    'an arrow to a sibling': {
      files: src({ ...below, 'queue/a.ts': `\nimport { x } from '../cron/index.ts'` }),
      says: /queue\/a\.ts:2 .* siblings never import each other: a capability stands alone/,
    },
    'an arrow in a type': {
      files: src({ ...below, 'kernel/a.ts': `import type { X } from '../database/index.ts'` }),
      says: /kernel is below database/,
    },
    'an arrow in a re-export': {
      files: src({ ...below, 'kernel/a.ts': `export * from '../database/index.ts'` }),
      says: /kernel is below database/,
    },
    'an arrow in a dynamic import': {
      files: src({ ...below, 'kernel/a.ts': `const x = () => import('../database/index.ts')` }),
      says: /kernel is below database/,
    },
    'a way past the public door': {
      files: src({ ...below, 'queue/a.ts': `import { x } from '../kernel/clock.ts'` }),
      says: /only through kernel\/index\.ts, its public door/,
    },
    'test code in what an app runs': {
      files: src({ ...below, 'queue/a.ts': `import { x } from '../database/testing/index.ts'` }),
      says: /what an app runs may not need test code/,
    },
    'a test that needs the ring above': {
      files: src({ ...below, 'kernel/a.test.ts': `import { x } from '../database/index.ts'` }),
      says: /kernel is below database/,
    },
    'an import of the package by its own name': {
      files: src({ ...below, 'queue/a.ts': `import { x } from 'tenfold'` }),
      says: /import the folder, not the package/,
    },
    'a file of the repository that is not published': {
      files: src({ 'queue/a.ts': `import { x } from '../../../../scripts/x.ts'` }),
      says: /nothing that the published package could read/,
    },
    'an import of a file that is not there': {
      files: src({ 'queue/a.ts': `import { x } from '../kernel/index.ts'` }),
      says: /there is no such file/,
    },
    'a ring below that knows the application model': {
      files: src({ 'modules/index.ts': '', 'http/a.ts': `import type { Module } from '../modules/index.ts'` }),
      says: /http is below modules/,
    },
    'a test that looks at the whole from below': {
      files: src({ 'testing.ts': '', 'queue/a.test.ts': `import { x } from '../testing.ts'` }),
      says: /the package's own doors are for users/,
    },
    'a folder without a ring': {
      files: src({ 'sundries/a.ts': '' }),
      says: /src\/sundries has no ring/,
    },
  },
  {
    'arrows that point down, packages, and words that only look like imports': src({
      ...below,
      'queue/a.ts': `import pg from 'pg'\nimport { x } from '../kernel/index.ts'\nimport './b.ts'\n// import '../cron/index.ts'\nconst s = "import '../cron/index.ts'"`,
      'queue/b.ts': `export * from '../database/index.ts'`,
      'index.ts': `export * from './queue/a.ts'`,
    }),
    'inner doors, and types of a sibling that have a reason': src({
      'database/embedded/index.ts': '',
      'app/a.ts': `import { x } from '../database/embedded/index.ts'`,
      'http/index.ts': '',
      'modules/a.ts': `import type { A } from '../http/index.ts'\nimport { type B } from '../http/index.ts'`,
    }),
    'tests that use the test code of any ring and the doors of siblings': src({
      ...below,
      'kernel/a.test.ts': `import { x } from '../database/testing/index.ts'`,
      'queue/testing/a.ts': `import { x } from '../../cron/index.ts'`,
      'app/a.test.ts': `import { x } from '../testing.ts'`,
      'testing.ts': '',
    }),
  },
)

test('every folder of the rings says why', () => {
  assert.deepEqual(Object.keys(WHY).sort(), RINGS.flat().sort())
})
