/** One request of the mix that MIX names: `[[route, share], …]`; `GET /cached/:key` hits with the likelihood HIT. */
import type { Scenario } from '../../packages/tenfold/src/load/index.ts'

const mix = JSON.parse(process.env.MIX ?? '[]') as [route: string, share: number][]
const hit = Number(process.env.HIT ?? 0)

export default {
  name: 'mix',
  timeout: '30s',
  flows: Object.fromEntries(
    mix.map(([route, weight]) => [
      route,
      {
        weight,
        run: ({ request, random, number }) =>
          request(route, { params: { key: random() < hit ? 'kept' : `${process.pid}-${number}` } }),
      },
    ]),
  ),
} satisfies Scenario
