/** What people do all day: `tenfold load load/everyday.ts`. CI compares each pull request by it. */
import type { Scenario } from 'tenfold/load'

export default {
  name: 'everyday',
  stages: [{ rate: 40, for: '5s' }],
  flows: {
    browse: { weight: 4, run: ({ call }) => call('GET /products') },
    categories: ({ call }) => call('GET /categories'),
  },
} satisfies Scenario
