import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { compareRuns } from './judge/compare.ts'
import { kneeOf } from './judge/knee.ts'
import type { LoadResult, PlainRequest, StepResult } from './load.ts'
import { reportOf } from './report.ts'
import { runLoad } from './run.ts'
import { startKnownServer, type KnownServer } from './testing/index.ts'

const get = (path = '/'): PlainRequest[] => [{ weight: 1, route: `GET ${path}`, path }]
const quick = { warmUpMs: 300, requests: get() }

describe('a server that freezes for a tenth of the time', () => {
  let servers: KnownServer[]
  before(async () => {
    servers = await Promise.all([startKnownServer('freeze'), startKnownServer('freeze')])
  })
  after(() => servers.forEach((server) => server.stop()))

  test('shows in the p99 of an open run, while a closed loop hides it', async () => {
    await untilQuiet(async () => {
      const [open, closed] = await Promise.all([
        runLoad({ url: servers[0]!.url, stages: [{ rate: 100, for: 4000 }], ...quick }),
        runLoad({ url: servers[1]!.url, stages: [{ users: 2, for: 4000 }], ...quick }),
      ])
      const [{ latency: truth }, { latency: hidden }] = [open.steps[0]!, closed.steps[0]!]
      assert.equal(truth.count, 400)
      // A tenth of the visitors come while it is frozen and wait for half of it on average: p99 is near its whole length.
      assert.ok(truth.p99 > 120, `open p99 ${truth.p99}`)
      assert.ok(truth.p95 > 50, `open p95 ${truth.p95}`)
      return hidden.p99 < truth.p99 / 2
    })
  })
})

describe('a server that can do a hundred a second', () => {
  let server: KnownServer
  before(async () => {
    server = await startKnownServer('lane')
  })
  after(() => server.stop())

  test('has its knee between the step below and the one above, and the report draws it', async () => {
    const stages = [40, 75, 160].map((rate) => ({ rate, for: 1200 }))
    const goal = { p95: 250, errors: 0.001 }
    await untilQuiet(async () => {
      const result = await runLoad({ url: server.url, stages, ...quick })
      const valid = { ...result, steps: result.steps.map(asValid) }
      const last = valid.steps.at(-1)!
      assert.equal(last.due, 192)
      assert.equal(last.latency.count, 192, 'who waits past the end of a step counts as well')
      assert.ok(last.achieved < 115, `no server of a hundred a second does ${last.achieved}`)
      const knee = kneeOf(valid, goal)
      if (knee.rate !== 75 || knee.failedAt !== 160) return false
      const html = reportOf(valid, goal)
      assert.match(html, /knee 75\/s/)
      assert.doesNotMatch(html, /<script|https?:\/\/(?!127\.0\.0\.1)/)
      return true
    })
  })

  test('is searched for its knee without being told a rate', async () => {
    const result = await runLoad({ url: server.url, ...quick, search: { p95: 100, errors: 0.001, from: 60, for: 500 } })
    const most = Math.max(...result.steps.map(({ offered }) => offered))
    assert.ok(most >= 120 || result.notes.length > 0, `it only tried ${most}`)
  })
})

describe('two runs of the same steps, on two servers alike and one that is 30 % slower', () => {
  let servers: KnownServer[]
  before(async () => {
    servers = await Promise.all(['100', '100', '130'].map((ms) => startKnownServer('delay', ms)))
  })
  after(() => servers.forEach((server) => server.stop()))

  test('the slower one is found with its size, the one alike is not accused', async () => {
    const stages = [30, 60].map((rate) => ({ rate, for: 500 }))
    await untilQuiet(async () => {
      // All at the same time: whatever else this machine does, it does to all of them.
      const runs = servers.map(({ url }) => runLoad({ url, stages, repeat: 4, processes: 1, ...quick }))
      const results = (await Promise.all(runs)).map((result) => ({ ...result, steps: result.steps.map(asValid) }))
      const [same, again, slower] = results as [LoadResult, LoadResult, LoadResult]
      const { verdict, changes } = compareRuns([same], [slower])
      const [p50] = changes
      assert.ok(p50!.low <= p50!.ratio && p50!.ratio <= p50!.high)
      return verdict === 'slower' && p50!.ratio < 1.45 && compareRuns([same], [again]).verdict !== 'slower'
    })
  })
})

describe('a scenario in a file', () => {
  let server: KnownServer
  let folder: string
  before(async () => {
    server = await startKnownServer('delay', '2')
    folder = mkdtempSync(join(tmpdir(), 'tenfold-load-'))
  })
  after(() => {
    server.stop()
    rmSync(folder, { recursive: true })
  })
  const file = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }

  test('keeps the cookies of a visitor, counts by route, errors by kind, and what a flow throws', async () => {
    const scenario = file(
      'visit.ts',
      `import type { Scenario } from '${pathToFileURL(join(import.meta.dirname, 'index.ts'))}'
       export default {
         name: 'visit',
         setup: async ({ call }) => ({ first: (await call('GET /setup')).path }),
         stages: [{ rate: 40, for: '1s' }],
         thresholds: { errors: 0.9, p95: 10_000, 'GET /items/:id p50': 0, 'GET /never p50': 5 },
         flows: {
           read: { weight: 3, run: async ({ call, request, data, pick }) => {
             if (data.first !== '/setup') throw new Error('no data')
             await call('GET /items/:id', { params: { id: pick(['a b']) }, query: { tag: [1, 2] } })
             const { cookie, path } = (await request('GET /items/:id', { params: { id: 5 } })).json()
             if (cookie !== 'seen=yes' || path !== '/items/5') throw new Error('lost the cookie')
           } },
           broken: async ({ call }) => { await call('GET /broken') },
           odd: async () => { throw new Error('odd') },
         },
       } satisfies Scenario`,
    )
    const {
      steps,
      total,
      thresholds,
      scenario: name,
    } = await runLoad({ url: server.url, file: scenario, processes: 2, warmUpMs: 0 })
    const [step] = steps
    assert.equal(name, 'visit')
    assert.equal(step!.due, 40)
    assert.deepEqual(Object.keys(step!.routes).toSorted(), ['GET /broken', 'GET /items/:id'])
    const [broken, odd] = [total.errors['HTTP 500'] ?? 0, total.errors['flow: odd'] ?? 0]
    assert.equal(step!.routes['GET /broken']!.errors['HTTP 500'], broken)
    assert.ok(broken > 0 && odd > 0)
    assert.deepEqual(Object.keys(total.errors).toSorted(), ['HTTP 500', 'flow: odd'])
    assert.equal(step!.routes['GET /items/:id']!.count, (40 - broken - odd) * 2)
    assert.deepEqual(
      thresholds.map(({ name: of, holds }) => [of, holds]),
      [
        ['errors', true],
        ['p95', true],
        ['GET /items/:id p50', false],
        ['GET /never p50', false],
      ],
    )
  })

  test('that waits too long has its timeout as latency, and what nobody answers is an error of its kind', async () => {
    const slow = await startKnownServer('delay', '60000')
    const scenario = file(
      'late.ts',
      `export default { name: 'late', timeout: '300ms', flows: { one: ({ call }) => call('GET /') } }`,
    )
    const late = await runLoad({ url: slow.url, file: scenario, stages: [{ rate: 20, for: 500 }], warmUpMs: 0 })
    assert.deepEqual(late.total.errors, { timeout: 10 })
    assert.ok(late.total.latency.p50 >= 290)
    slow.stop()
    const gone = { url: slow.url, stages: [{ rate: 20, for: 500 }], warmUpMs: 0, requests: get() }
    await until(async () => (await runLoad(gone)).total.errors.ECONNREFUSED === 10)
  })

  test('that is none is refused with the reason', async () => {
    const wrong: [string, RegExp][] = [
      ['export const a = 1', /no default export/],
      ['export default { name: "a", flows: {} }', /no flows/],
      ['export default { name: "a", flows: { b: 5 } }', /flow 'b' is no function/],
      ['export default { name: "a", flows: { b() {} }, thresholds: { p42: 1 } }', /threshold 'p42'/],
      ['export default { name: "a", flows: { b() {} }, stages: [{ rate: 0, for: "1s" }] }', /stage 1/],
      ['import "./nowhere.ts"', /nowhere/],
    ]
    for (const [i, [text, problem]] of wrong.entries()) {
      const run = runLoad({ url: server.url, file: file(`wrong${i}.ts`, text) })
      await assert.rejects(run, { code: 'TF_LOAD_SCENARIO', message: problem })
    }
  })
})

/** Three generators and three servers on a busy machine: whether a step is valid is not the question here. */
const asValid = (step: StepResult): StepResult => ({ ...step, invalid: [] })

/** Runs it again while it is false: what a machine that is full of other work makes of latencies proves nothing. */
async function untilQuiet(run: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await run())) assert.ok(Date.now() < deadline, 'it was not found in a minute')
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await holds())) assert.ok(Date.now() < deadline, 'it did not come to hold')
}
