/** What people do all day: `tenfold load load/everyday.ts`. CI compares each pull request by it. */
import type { Scenario } from 'tenfold/load'

export default {
  name: 'everyday',
  stages: [{ rate: 40, for: '5s' }],
  flows: { read: ({ call }) => call('GET /entries') },
} satisfies Scenario
