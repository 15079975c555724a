import { errorCodes } from './errors.ts'
import { describeLaw } from './law.ts'

const source = 'packages/tenfold/src/queue/errors.ts'
const page = (code: string): Record<string, string> => ({
  [`docs/errors/${code}.md`]: `# ${code}\n\nIt is full.\n\nEmpty it.\n`,
})
const define = (...codes: string[]): Record<string, string> => ({
  [source]: codes.map((code) => `export const ${code} = defineError('${code}', {})`).join('\n'),
})

describeLaw(
  errorCodes,
  {
    'a code without a page': {
      files: define('TF_FULL'),
      says: /errors\.ts:1 TF_FULL has no page docs\/errors\/TF_FULL\.md/,
    },
    'a page without a code': { files: page('TF_GONE'), says: /TF_GONE\.md explains a code that nothing defines/ },
    'a code defined twice': {
      files: { ...define('TF_FULL', 'TF_FULL'), ...page('TF_FULL') },
      says: /errors\.ts:2 TF_FULL is defined before, at .*:1/,
    },
    'a code that was retired': {
      files: {
        ...define('TF_OLD'),
        ...page('TF_OLD'),
        'docs/errors/retired.json': '[{ "code": "TF_OLD", "since": "0.2.0", "why": "x" }]',
      },
      says: /TF_OLD was retired and may not come back/,
    },
    'a code that is computed': {
      files: { [source]: 'export const X = defineError(`TF_${name}`, {})' },
      says: /plain string/,
    },
    'a code of another form': { files: { ...define('full'), ...page('full') }, says: /full is not of the form TF_/ },
    'a page under a wrong heading': {
      files: { ...define('TF_FULL'), 'docs/errors/TF_FULL.md': '# TF_EMPTY\n\na\n\nb\n' },
      says: /begin with a heading that names TF_FULL/,
    },
    'a page with nothing on it': {
      files: { ...define('TF_FULL'), 'docs/errors/TF_FULL.md': '# TF_FULL\n' },
      says: /is empty/,
    },
  },
  {
    'codes with pages, a retired code with its page, and codes in tests and comments': {
      ...define('TF_FULL'),
      ...page('TF_FULL'),
      ...page('TF_OLD'),
      'docs/errors/retired.json': '[{ "code": "TF_OLD", "since": "0.2.0", "why": "x" }]',
      'docs/errors/README.md': '# Errors',
      'packages/tenfold/src/queue/a.test.ts': `defineError('TF_TEST', {})`,
      'packages/tenfold/src/queue/a.ts': `// defineError('TF_COMMENT', {})`,
    },
  },
)
