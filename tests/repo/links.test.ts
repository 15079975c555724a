import { describeLaw } from './law.ts'
import { links } from './links.ts'

const page = (text: string): Record<string, string> => ({
  'docs/guide/jobs.md': text,
  'docs/guide/cron.md': '# Cron\n\n## Once, on `N` instances\n',
})

describeLaw(
  links,
  {
    'a dead link': {
      files: page('\n[see](./gone.md)'),
      says: /jobs\.md:2 links to \.\/gone\.md - there is no such file/,
    },
    'a dead link in a reference': { files: page('[see]: ../gone.md'), says: /links to \.\.\/gone\.md/ },
    'a link to a heading that is gone': {
      files: page('[see](cron.md#twice)'),
      says: /cron\.md#twice - that page has no such heading/,
    },
    'a link to a heading of the same page': {
      files: page('# Jobs\n[see](#gone)'),
      says: /#gone - that page has no such heading/,
    },
    'a file that is gone': {
      files: page('see `packages/tenfold/src/queue/gone.ts`'),
      says: /names packages\/tenfold\/src\/queue\/gone\.ts/,
    },
    'a folder that is gone': { files: page('see `docs/gone/`'), says: /names docs\/gone\// },
  },
  {
    'links that lead somewhere, paths from any root, the web, code, and what is made by running': {
      ...page(
        [
          '# Jobs',
          '[a](cron.md) [b](cron.md#once-on-n-instances) [c](../../README.md) [d](https://example.com/x.md) [e](#jobs) [f](../guide)',
          '`queue/queue.ts` `packages/tenfold/src/queue/queue.ts:12` `modules/orders/orders.ts` `.tenfold/data/x.json` `docs/guide/` `a/b`',
          '`[not](a-link.md)`',
          '```',
          '[code](gone.md) `also/gone.ts`',
          '```',
        ].join('\n'),
      ),
      'README.md': '',
      'packages/tenfold/src/queue/queue.ts': '',
      'examples/shop/modules/orders/orders.ts': '',
    },
  },
)
