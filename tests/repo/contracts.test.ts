import { contracts } from './contracts.ts'
import { describeLaw } from './law.ts'

const src = (files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [`packages/tenfold/src/${path}`, text]))

const suite = { 'queue/testing/contract.ts': 'export function describeQueueContract(name, open) {}' }

describeLaw(
  contracts,
  {
    'a suite that nobody calls': {
      files: src({ ...suite, 'queue/a.test.ts': '// describeQueueContract()' }),
      says: /describeQueueContract is called by no test/,
    },
    'a backend that is not tried': {
      files: src({
        ...suite,
        'queue/postgres/queue.ts': '',
        'queue/postgres/queue.contract.test.ts': `describeQueueContract('postgres')`,
        'queue/redis/queue.ts': '',
      }),
      says: /queue\/redis is not tried by describeQueueContract/,
    },
    'several backends without a suite': {
      files: src({ 'cache/memory/cache.ts': '', 'cache/redis/cache.ts': '' }),
      says: /cache has several backends and no contract suite/,
    },
  },
  {
    'a test in the folder of the backend, and one beside it': src({
      ...suite,
      'queue/postgres/queue.ts': '',
      'queue/memory/queue.ts': '',
      'queue/postgres/queue.contract.test.ts': `describeQueueContract('postgres')`,
      'queue/queue.contract.test.ts': `import { open } from './memory/queue.ts'\ndescribeQueueContract('memory', open)`,
    }),
  },
)
