import { describeLaw } from './law.ts'
import { names, noDecorators, noHiddenState, sizes } from './shape.ts'

const lines = (count: number): string => 'x\n'.repeat(count)

describeLaw(
  sizes,
  {
    'a source of 601 lines': {
      files: { 'packages/tenfold/src/a/b.ts': lines(601) },
      says: /b\.ts has 601 lines; the law is 600/,
    },
    'a test of 801 lines': {
      files: { 'tests/b.test.ts': lines(801) },
      says: /b\.test\.ts has 801 lines; the law is 800/,
    },
  },
  {
    'the last line that fits, and what is generated': {
      'packages/a.ts': lines(600),
      'packages/a.test.ts': lines(800),
      'packages/schema.gen.ts': lines(5000),
    },
  },
)

describeLaw(
  names,
  {
    'a file named utils': {
      files: { 'packages/tenfold/src/queue/utils.ts': '' },
      says: /queue\/utils\.ts says nothing/,
    },
    'a test of it': { files: { 'tests/helpers.test.ts': '' }, says: /helpers\.test\.ts/ },
    'a folder named common': { files: { 'examples/shop/common/money.ts': '' }, says: /shop\/common says nothing/ },
  },
  { 'names that only contain such a word': { 'packages/tenfold/src/queue/common-table-expression.ts': '' } },
)

const app = (text: string): Record<string, string> => ({ 'packages/tenfold/src/queue/a.ts': text })

describeLaw(
  noHiddenState,
  {
    'a module-level let': { files: app('\nlet pool = 1'), says: /a\.ts:2 let at the top of a module/ },
    'an exported let': { files: app('export let pool = 1'), says: /a\.ts:1 let/ },
    'a call at the top': { files: app('start()'), says: /runs when it is imported/ },
    'a top-level await': { files: app('await start()'), says: /runs when it is imported/ },
    'a condition at the top': { files: app('if (process.env.X) start()'), says: /runs when it is imported/ },
  },
  {
    'let inside functions, constants, declarations, tests, and files that are started': {
      'packages/tenfold/src/queue/a.ts':
        'export const a = () => { let b = 1; return b }\nexport function c(): void { start() }',
      'packages/tenfold/src/queue/a.test.ts': 'let a = 1\nstart()',
      'examples/hello/seed.ts': 'start()',
    },
  },
)

describeLaw(noDecorators, {
  'a decorator': { files: { 'packages/a.ts': 'class A {\n  @field x = 1\n}' }, says: /a\.ts:2 has a decorator/ },
})
