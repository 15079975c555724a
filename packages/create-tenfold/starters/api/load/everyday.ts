/** What people do all day: `tenfold load load/everyday.ts`. CI compares each pull request by it. */
import type { Scenario } from 'tenfold/load'

type SignedIn = Record<'cookie', string>

export default {
  name: 'everyday',
  stages: [{ rate: 40, for: '5s' }],
  // One person for all visitors: signing up is limited, and slow on purpose.
  async setup({ request, random }) {
    const email = `load-${Math.floor(random() * 1e9)}-${Date.now()}@example.com`
    const { status, headers, text } = await request('POST /accounts', {
      body: { email, name: 'Load', password: 'a long password' },
    })
    if (status !== 201) throw new Error(`nobody could sign up: ${status} ${text}`)
    const set = headers['set-cookie'] ?? []
    return {
      cookie: [set]
        .flat()
        .map((one) => one.split(';', 1)[0])
        .join('; '),
    }
  },
  flows: {
    look: { weight: 4, run: ({ request, data }) => request('GET /tasks', { headers: data }) },
    add: ({ request, data, number }) => request('POST /tasks', { headers: data, body: { title: `task ${number}` } }),
  },
} satisfies Scenario<Record<string, never>, SignedIn>
