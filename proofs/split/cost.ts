/** What a call costs in one process, and over the loopback interface to another instance. */
import { z } from 'zod'
import { createSignatures } from '../../packages/tenfold/src/app/remote/signature.ts'
import { app, contract, defineModule } from '../../packages/tenfold/src/index.ts'
import { startTestApp } from '../../packages/tenfold/src/testing.ts'
import type { Row } from '../../scripts/claims/index.ts'

const echo = contract('echo', {
  say: { input: z.object({ text: z.string() }), output: z.object({ text: z.string() }) },
})
const e = defineModule('echo')
const code = e.implement(echo, { say: async ({ input }) => input })
const m = defineModule('caller', { uses: { echo } })

export async function measureCalls(times: number): Promise<Row[]> {
  const measure = m.route('POST /measure', {
    auth: 'public',
    timeout: 0,
    reply: z.object({ median: z.number(), p99: z.number() }),
    async handler({ call }) {
      const input = { text: 'x'.repeat(200) }
      const took: number[] = []
      for (let i = 0; i < times + 50; i++) {
        const began = performance.now()
        await call.echo.say(input)
        took.push(performance.now() - began)
      }
      const sorted = took.slice(50).toSorted((a, b) => a - b)
      return { median: sorted[Math.floor(times / 2)]!, p99: sorted[Math.floor(times * 0.99)]! }
    },
  })
  const parts = app({ name: 'costs', modules: [e.build({ parts: [code] }), m.build({ parts: [measure] })] })
  const rows: Row[] = []
  for (const split of [[], ['echo']]) {
    const running = await startTestApp(parts, { roles: ['web'], split, nPlusOne: 'ignore' })
    const { median, p99 } = (await (await running.fetch('/measure', { method: 'POST' })).json()) as Record<
      string,
      number
    >
    const where = split.length === 0 ? 'in one process' : 'to another instance, through a front'
    rows.push({ call: where, 'median ms': median!.toFixed(3), 'p99 ms': p99!.toFixed(3) })
    await running.close()
  }
  return [...rows, signing(times)]
}

function signing(times: number): Row {
  const signatures = createSignatures(['a secret key for this proof, and nothing else'], 'costs')
  const body = JSON.stringify({ caller: 'caller', inputs: [{ input: { text: 'x'.repeat(200) } }] })
  const began = performance.now()
  for (let i = 0; i < times; i++) signatures.verify('echo.say', signatures.sign('echo.say', body, Date.now()).header)
  return {
    call: 'signing and checking alone',
    'median ms': ((performance.now() - began) / times).toFixed(3),
    'p99 ms': '',
  }
}
