import assert from 'node:assert/strict'
import { test } from 'node:test'
import { demandsFrom, scaled, type Seen } from './demands.ts'
import { wordsOfQueries } from './words.ts'

/** Two routes and a job whose counts go up and down in different ways; their CPU is known. */
function seen(slots: number, noise: number): Seen {
  const cpu = { 'GET /cheap': 0.002, 'POST /dear': 0.02, 'mail.send': 0.005 }
  return {
    source: 'a test',
    slotSeconds: 60,
    slots: Array.from({ length: slots }, (_, i) => {
      const counts = {
        'GET /cheap': 3000 + ((i * 137) % 900),
        'POST /dear': 200 + ((i * 61) % 150),
        'mail.send': 50 + ((i * 29) % 60),
      }
      const used = Object.entries(cpu).reduce(
        (sum, [name, each]) => sum + each * counts[name as keyof typeof counts],
        0,
      )
      return { counts, cpu: used * (1 + noise * Math.sin(i * 12.9898)) }
    }),
    kinds: { 'GET /cheap': 'request', 'POST /dear': 'request', 'mail.send': 'job' },
    details: { 'POST /dear': { count: 10, queries: 4, databaseMs: 8, meanMs: 60, cv2: 0.5 } },
    working: 0.5,
    reads: 0.7,
    queries: [
      { query: 'select * from product', module: 'shop', count: 30_000, totalMs: 90_000, reads: true },
      { query: 'update stock set n = ?', module: 'shop', count: 1000, totalMs: 10_000, reads: false },
    ],
  }
}

test('CPU is shared out to routes and jobs by what ran when', () => {
  const { classes, rate, peakRate, uncertainty } = demandsFrom(seen(200, 0.02))
  const of = (name: string) => classes.find((one) => one.name === name)!
  assert.ok(Math.abs(of('GET /cheap').appCpu - 0.002) < 0.0003, `${of('GET /cheap').appCpu}`)
  assert.ok(Math.abs(of('POST /dear').appCpu - 0.02) < 0.003, `${of('POST /dear').appCpu}`)
  assert.ok(uncertainty.app < 1.2)
  const shares = classes.filter(({ kind }) => kind === 'request').reduce((sum, { share }) => sum + share, 0)
  assert.ok(Math.abs(shares - 1) < 1e-9)
  assert.ok(rate > 50 && peakRate > rate)
  const dear = of('POST /dear')
  assert.equal(dear.databaseCpu, 0.004)
  assert.equal(dear.databaseOther, 0.004)
  assert.ok(Math.abs(dear.outside - (0.06 - 0.008 - dear.appCpu)) < 1e-9)
})

test('what goes on while nobody asks is no part of a request, and a cron grows with none', () => {
  // A day by the minute: 0.5 s of CPU in each on its own, five requests a second by day, a cron of a minute in each hour.
  const slots = Array.from({ length: 1440 }, (_, minute) => {
    const requests = minute % 1440 < 720 ? 300 + ((minute * 37) % 90) : 0
    const crons = minute % 60 === 7 ? 1 : 0
    return {
      counts: { ...(requests && { 'GET /': requests }), ...(crons && { 'cron:shop.report': crons }) },
      cpu: 0.5 + requests * 0.005 + crons * 50,
    }
  })
  const { classes, background, uncertainty } = demandsFrom({
    ...seen(1, 0),
    slots,
    kinds: { 'GET /': 'request', 'cron:shop.report': 'cron' },
    details: { 'cron:shop.report': { count: 24, queries: 2, databaseMs: 1200, meanMs: 60_000, cv2: 1 } },
  })
  assert.deepEqual(
    classes.map(({ name }) => name),
    ['GET /'],
  )
  assert.ok(Math.abs(classes[0]!.appCpu - 0.005) < 0.0001, `${classes[0]!.appCpu}`)
  assert.ok(Math.abs(background!.appCpu - (0.5 + 50 / 60) / 60) < 0.001, `${background!.appCpu}`)
  // One run of 1.2 s in an hour, half of which is CPU.
  assert.ok(Math.abs(background!.databaseCpu - 0.6 / 3600) < 1e-9)
  assert.ok(uncertainty.app < 1.2)
})

test('an app that is hardly used is not planned by what it does on its own', () => {
  const idle = { counts: {}, cpu: 2 }
  const used = { counts: { 'GET /cheap': 4 }, cpu: 2.02 }
  const demands = demandsFrom({ ...seen(1, 0), slots: [...Array(200).fill(idle), ...Array(10).fill(used)] })
  assert.ok(Math.abs(demands.classes[0]!.appCpu - 0.005) < 0.0005, `${demands.classes[0]!.appCpu}`)
})

test('what each query class needs is told: how often for a request, how long, and what part of the database it takes', () => {
  const { queries, classes } = demandsFrom({ ...seen(10, 0), slots: [{ cpu: 1, counts: { 'GET /cheap': 10_000 } }] })
  assert.equal(classes.length, 1)
  assert.deepEqual(
    queries!.map(({ query, calls, seconds, share, reads }) => [query, calls, seconds, share, reads]),
    [
      ['select * from product', 3, 0.003, 0.9, true],
      ['update stock set n = ?', 0.1, 0.01, 0.1, false],
    ],
  )
})

test('the statements that take the most are told in a line each', () => {
  assert.deepEqual(
    wordsOfQueries(demandsFrom({ ...seen(10, 0), slots: [{ cpu: 1, counts: { 'GET /cheap': 10_000 } }] })),
    [
      '90 % of the time in the database: select * from product (shop; 3 for each request, 3 ms each)',
      '10 % of the time in the database: update stock set n = ? (shop; 0.1 for each request, 10 ms each)',
    ],
  )
})

test('what is not measured is said, and counted at its worst', () => {
  const demands = demandsFrom({ ...seen(5, 0), working: undefined })
  assert.equal(demands.classes.find(({ name }) => name === 'POST /dear')!.databaseCpu, 0.008)
  assert.ok(demands.unknown.some((line) => /worst case/.test(line)))
  assert.ok(demands.unknown.some((line) => /little was seen/.test(line)))
  const [more, less] = [scaled(demands, 'more'), scaled(demands, 'less')]
  assert.ok(
    more.classes[0]!.appCpu > demands.classes[0]!.appCpu && less.classes[0]!.appCpu < demands.classes[0]!.appCpu,
  )
})
