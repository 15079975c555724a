import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fakeClock, uuidv7, type Clock, type TenfoldError } from '../../kernel/index.ts'
import type { Analytics, FunnelQuery, PathsReport, Selection, TrackedEvent } from '../analytics.ts'
import { byPerson, dailyRetention, dayOf, furthest, lifecycleOf, pathsOf, selects, type Known } from './reference.ts'

export interface AnalyticsBackend {
  /** Two instances of one app, on one store. */
  open(clock: Clock, timeZone: string): Promise<[Analytics, Analytics]>
  close(): Promise<void>
}

const ZONE = 'Europe/Berlin' // summer time ends within the range: 2026-10-25 has 25 hours
const RANGE = { from: '2026-10-20', to: '2026-10-30' }
const BEGIN = Date.parse('2026-10-19T22:00:00Z')
const UNTIL = Date.parse('2026-10-30T23:00:00Z')
const NOW = Date.parse('2026-11-01T12:00:00Z')
const MINUTE = 60_000
const NAMES = ['view', 'cart', 'pay', 'help'] as const

/** Proves AN1 to AN4 and AN6 of an engine, its numbers against those of the plainest reading of the definitions. */
export function describeAnalyticsContract(name: string, start: () => Promise<AnalyticsBackend>): void {
  describe(`analytics on ${name}`, () => {
    let backend: AnalyticsBackend
    let one: Analytics
    let two: Analytics
    let events: TrackedEvent[]
    let people: Known[][]

    before(async () => {
      backend = await start()
      const clock = fakeClock(NOW)
      ;[one, two] = await backend.open(clock, ZONE)
      events = randomEvents(7)
      // A third of the browsers belong to users; some are known only after their events were stored.
      await one.identify('p1', 'b1')
      for (let i = 0; i < events.length; i += 100) await [one, two][(i / 100) % 2]!.track(events.slice(i, i + 100))
      for (let i = 2; i <= 20; i++) assert.equal(await two.identify(`p${i}`, `b${i}`), true)
      people = byPerson(events, ({ who }) => {
        const id = 'user' in who ? who.user : who.anonymous
        return Number(id.slice(1)) <= 20 ? `p${id.slice(1)}` : id
      })
    })
    after(async () => {
      await Promise.all([one?.close(), two?.close()])
      await backend.close()
    })

    it('AN1 stores an event that is sent again once, under any time', async () => {
      const again = events.slice(0, 50).map((event) => ({ ...event, at: new Date(event.at!.getTime() + 1) }))
      assert.deepEqual(await two.track(again), { stored: 0, repeated: 50 })
      const { series } = await one.trend({ ...RANGE, events: NAMES.map((event) => ({ event })), by: 'day' })
      assert.equal(
        series.reduce((sum, { total }) => sum + total, 0),
        events.filter(({ at }) => at!.getTime() >= BEGIN && at!.getTime() < UNTIL).length,
      )
    })

    it('AN3 never makes two users one', async () => {
      assert.equal(await one.identify('p2', 'b1'), false)
      assert.equal(await two.identify('p1', 'b1'), true)
    })

    const steps = (...names: string[]): Selection[] => names.map((event) => ({ event }))
    const funnels: [string, FunnelQuery][] = [
      ['in order', { ...RANGE, steps: steps('view', 'cart', 'pay'), window: '2h' }],
      ['of the first attempt', { ...RANGE, steps: steps('view', 'cart', 'pay'), window: '2h', entry: 'first' }],
      ['with nothing between', { ...RANGE, steps: steps('view', 'cart', 'pay'), window: '6h', order: 'strict' }],
      ['in any order', { ...RANGE, steps: steps('pay', 'cart', 'help'), window: '90m', order: 'any' }],
      ['with a step twice', { ...RANGE, steps: steps('view', 'view', 'pay', 'view'), window: '3h' }],
      [
        'with a step twice, in any order',
        { ...RANGE, steps: steps('view', 'view', 'pay'), window: '1h', order: 'any' },
      ],
      ['of one minute, to the microsecond', { ...RANGE, steps: steps('view', 'cart'), window: '1m' }],
      [
        'with filters',
        {
          ...RANGE,
          window: '1d',
          steps: [
            { event: 'view', where: [{ property: 'plan', is: 'equal', values: ['pro', 'team'] }] },
            { event: 'cart', where: [{ property: 'amount', is: 'greater', values: [20] }] },
            { event: 'pay', where: [{ property: 'plan', is: 'not equal', values: ['free'] }] },
          ],
        },
      ],
      ['by a property', { ...RANGE, steps: steps('view', 'cart', 'pay'), window: '4h', breakdown: 'plan' }],
      [
        'by a property, in any order',
        { ...RANGE, steps: steps('view', 'cart'), window: '1h', order: 'any', breakdown: 'plan' },
      ],
    ]
    for (const [what, query] of funnels) {
      it(`AN4 a funnel ${what} counts what trying every attempt counts`, async () => {
        const report = await one.funnel(query)
        assert.deepEqual(shape(report.steps), expected(people, query))
        assert.ok(report.steps[0]!.count > 20, 'the data has people in the funnel')
        assert.ok(report.steps.at(-1)!.count > 0, 'somebody gets through')
        assert.ok(report.steps.at(-1)!.count < report.steps[0]!.count, 'somebody does not')
        for (const { value, steps: found } of report.breakdown ?? []) {
          assert.deepEqual(shape(found), expected(people, query, String(value)), `with ${value}`)
        }
        if (query.breakdown) assert.equal(report.breakdown!.length, 3)
      })
    }

    it('AN4 an event that opens the funnel the moment before its end counts, one at the end does not', async () => {
      const at = (ms: number) => ({ at: new Date(UNTIL + ms), who: { user: 'edge' } })
      await one.track([
        { name: 'edge one', ...at(-1) },
        { name: 'edge two', ...at(3_600_000 - 1) },
        { name: 'edge one', ...at(0), who: { user: 'late' } },
        { name: 'edge two', ...at(10), who: { user: 'late' } },
      ])
      const query = { ...RANGE, steps: steps('edge one', 'edge two') }
      assert.deepEqual(counts(await two.funnel({ ...query, window: '1h' })), [1, 1])
      assert.deepEqual(counts(await two.funnel({ ...query, window: 3_599_999 })), [1, 0])
    })

    it('AN4 events of the same time follow each other by their sequence number', async () => {
      const same = { at: new Date(BEGIN + 5), who: { anonymous: 'tie' } }
      await one.track([
        { name: 'tie two', ...same, seq: 1 },
        { name: 'tie one', ...same, seq: 2 },
        { name: 'tie three', ...same, seq: 3 },
      ])
      assert.deepEqual(counts(await one.funnel({ ...RANGE, steps: steps('tie one', 'tie two') })), [1, 0])
      assert.deepEqual(counts(await one.funnel({ ...RANGE, steps: steps('tie one', 'tie three') })), [1, 1])
    })

    it('AN4 a funnel of groups counts each group once', async () => {
      const at = new Date(BEGIN + MINUTE)
      const acme = { groups: { company: 'acme' } }
      await one.track([
        { name: 'trial', who: { user: 'g1' }, at, ...acme },
        { name: 'bought', who: { user: 'g2' }, at: new Date(at.getTime() + 1), ...acme },
        { name: 'trial', who: { user: 'g3' }, at, groups: { company: 'other' } },
        { name: 'trial', who: { user: 'g4' }, at },
      ])
      assert.deepEqual(
        counts(await one.funnel({ ...RANGE, steps: steps('trial', 'bought'), group: 'company' })),
        [2, 1],
      )
      assert.deepEqual(counts(await one.funnel({ ...RANGE, steps: steps('trial', 'bought') })), [3, 0])
    })

    for (const direction of ['after', 'before'] as const)
      for (const [depth, gap, gapMs] of [
        [4, '3h', 180 * MINUTE],
        [2, '6h', 360 * MINUTE],
      ] as const)
        it(`AN4 paths of ${depth} events ${direction} the first one are those of each person`, async () => {
          const start = { event: 'cart', where: [{ property: 'plan', is: 'not equal', values: ['free'] }] } as const
          const query = { ...RANGE, start, direction, depth, gap }
          const report = await two.paths(query)
          const wanted = pathsOf(people, query, { from: BEGIN, until: UNTIL }, gapMs)
          assert.ok(
            wanted.links.some(({ step, to }) => step === depth - 1 && to !== null),
            'somebody goes all the way',
          )
          assert.equal(report.people, wanted.people)
          assert.deepEqual(sorted(report.links), sorted(wanted.links))
        })

    it('AN4 names of paths that few people share are told together', async () => {
      const at = Date.parse('2026-08-10T12:00:00Z')
      const walk = Array.from({ length: 12 }, (_, i) => [
        { name: 'crossroads', who: { user: `w${i}` }, at: new Date(at) },
        { name: `road ${i}`, who: { user: `w${i}` }, at: new Date(at + 1) },
      ])
      await one.track(walk.flat())
      const { links } = await two.paths({
        from: '2026-08-10',
        to: '2026-08-10',
        start: { event: 'crossroads' },
        depth: 1,
      })
      assert.equal(links.length, 11)
      assert.deepEqual(links[0], { step: 0, from: 'crossroads', to: '(other)', people: 2 })
    })

    for (const cohort of ['first', 'recurring'] as const)
      for (const measure of ['on', 'onOrAfter'] as const)
        it(`AN4 retention of ${cohort} days, back ${measure}, is that of the calendar`, async () => {
          for (const selections of [
            {},
            { start: { event: 'view' }, back: { event: 'pay' } },
            { back: { event: 'pay' }, brackets: [[1, 2], [3, 7], [8, 30]] as const }, // prettier-ignore
          ]) {
            const query = { ...RANGE, by: 'day' as const, cohort, measure, ...selections }
            const { cohorts } = await two.retention(query)
            const days = cohorts.map(({ from }) => from)
            assert.equal(days.length, 11)
            const mine = people.map((list) => list.filter(({ at }) => at < UNTIL))
            const wanted = dailyRetention(await allKnown(mine), query, days, ZONE)
            assert.deepEqual(
              cohorts.map(({ size, cells }) => ({ size, back: cells.map(({ count }) => count) })),
              wanted,
            )
          }
        })

    it('AN4 weeks begin on Monday, months on their first day, and what is not over is not complete', async () => {
      const weeks = await one.retention({ ...RANGE, by: 'week', brackets: [[1, 1]] })
      assert.deepEqual(
        weeks.cohorts.map(({ from }) => from),
        ['2026-10-19', '2026-10-26'],
      )
      const months = await one.retention({ from: '2026-09-15', to: '2026-11-30', by: 'month' })
      assert.deepEqual(
        months.cohorts.map(({ from, cells }) => [from, cells.map(({ complete }) => complete)]),
        [
          ['2026-09-01', [true, false]],
          ['2026-10-01', [false]],
          ['2026-11-01', []],
        ],
      )
    })

    for (const by of ['day', 'week'] as const)
      it(`AN4 who is new, stays, comes back and stays away by the ${by} is what the calendar says`, async () => {
        const whole = by === 'day' ? RANGE : { from: '2026-10-19', to: '2026-10-25' }
        const mine = await allKnown(people)
        for (const event of [undefined, { event: 'view' } as const]) {
          const report = await two.lifecycle({ ...whole, by, ...(event && { event }) })
          const days = report.periods.map(({ from }) => from)
          const before_ = by === 'day' ? '2026-10-19' : '2026-10-12'
          const after_ = by === 'day' ? ['2026-10-31'] : ['2026-10-26']
          const wanted = lifecycleOf(mine, event, [before_, ...days, ...after_], ZONE).slice(0, days.length)
          assert.deepEqual(
            report.periods.map(({ from: _, complete: __, ...counts_ }) => counts_),
            wanted,
          )
          assert.ok(report.periods.every(({ complete }) => complete))
          if (by === 'day') {
            for (const kind of ['new', 'returning', 'resurrecting', 'dormant'] as const) {
              assert.ok(
                wanted.some((count) => count[kind] > 0),
                `the data has ${kind} people`,
              )
            }
          }
        }
        const { periods } = await one.lifecycle({ from: '2026-10-26', to: '2026-11-01', by: 'week' })
        assert.equal(periods[0]!.complete, false)
      })

    it('AN4 activity counts people of a day, of 7 and of 28 days that end with it', async () => {
      const report = await two.activity({ from: '2026-10-22', to: '2026-10-30' })
      const all = await allKnown(people)
      const within = (from: string, to: string): number =>
        all.filter((list) => list.some(({ at }) => dayOf(at, ZONE) >= from && dayOf(at, ZONE) <= to)).length
      const back = (day: string, n: number): string =>
        new Date(Date.parse(day) - n * 86_400_000).toISOString().slice(0, 10)
      assert.deepEqual(
        report.daily,
        report.days.map((day) => within(day, day)),
      )
      assert.deepEqual(
        report.weekly,
        report.days.map((day) => within(back(day, 6), day)),
      )
      assert.deepEqual(
        report.monthly,
        report.days.map((day) => within(back(day, 27), day)),
      )
      const days = all.map(
        (list) => new Set(list.map(({ at }) => dayOf(at, ZONE)).filter((day) => report.days.includes(day))).size,
      )
      assert.deepEqual(
        report.stickiness,
        report.stickiness.map((_, i) => days.filter((n) => n === i + 1).length),
      )
      assert.equal(
        report.stickiness.reduce((sum, n) => sum + n, 0),
        within(report.days[0]!, report.days.at(-1)!),
      )
    })

    it('AN4 trends count events and people by the days of the time zone', async () => {
      const filtered: Selection = { event: 'pay', where: [{ property: 'amount', is: 'less', values: [50] }] }
      const events_ = await one.trend({ ...RANGE, by: 'day', events: [filtered] })
      const folk = await one.trend({ ...RANGE, by: 'day', events: [filtered], count: 'people', breakdown: 'plan' })
      const paid = people.flat().filter((event) => selects(filtered, event))
      const on = (day: string): Known[] => paid.filter(({ at }) => dayOf(at, ZONE) === day)
      assert.deepEqual(
        events_.series[0]!.counts,
        events_.times.map((day) => on(day).length),
      )
      for (const { value, counts: found } of folk.series) {
        const wanted = folk.times.map((day) => {
          return new Set(
            on(day).flatMap((e) => (String(e.properties.plan ?? null) === String(value) ? [e.person] : [])),
          ).size
        })
        assert.deepEqual(found, wanted, `with ${value}`)
      }
      const hours = await one.trend({ from: '2026-10-25', to: '2026-10-25', by: 'hour', events: steps('view') })
      assert.equal(hours.times.length, 24)
      assert.equal(
        hours.series[0]!.total,
        people.flat().filter((e) => e.name === 'view' && dayOf(e.at, ZONE) === '2026-10-25').length,
      )
    })

    it('AN4 refuses a question that makes no sense, with its place', async () => {
      const wrong: [Partial<FunnelQuery>, string][] = [
        [{ steps: steps('view') }, 'steps'],
        [{ from: '2026-02-30' }, 'from'],
        [{ to: '2026-10-01' }, 'to'],
        [{ window: '2 weeks' }, 'window'],
        [{ order: 'sideways' as 'any' }, 'order'],
        [
          { steps: [{ event: 'view', where: [{ property: 'n', is: 'greater', values: ['x'] }] }, ...steps('pay')] },
          'steps[0].where[0].values',
        ],
      ]
      for (const [part, field] of wrong) {
        const query = { ...RANGE, steps: steps('view', 'pay'), ...part }
        await assert.rejects(
          one.funnel(query),
          (error: TenfoldError) =>
            error.code === 'TF_ANALYTICS_QUERY' && (error.details as { field: string }).field === field,
          field,
        )
      }
    })

    it('AN4 a name that nothing has is a step that nobody takes', async () => {
      assert.deepEqual(counts(await one.funnel({ ...RANGE, steps: steps('view', 'never') })).slice(1), [0])
      assert.deepEqual(counts(await one.funnel({ ...RANGE, steps: steps('never', 'view') })), [0, 0])
    })

    it('refuses events that cannot be kept, and keeps nothing of their batch', async () => {
      const fine: TrackedEvent = { name: 'fine', who: { user: 'x' } }
      for (const [part, problem] of [
        [{ name: '' }, /name/],
        [{ id: '7' }, /UUID/],
        [{ at: new Date(NOW + 7_200_000) }, /future/],
        [{ at: new Date('2020-01-01') }, /months/],
        [{ properties: { text: 'x'.repeat(9000) } }, /characters/],
      ] as const) {
        await assert.rejects(one.track([fine, { ...fine, ...part }]), { code: 'TF_ANALYTICS_EVENT', message: problem })
      }
      assert.ok(!(await one.names()).some(({ name: known }) => known === 'fine'))
    })

    it('AN6 forgets a person with all browsers, and nobody else', async () => {
      const before_ = await one.trend({ ...RANGE, events: steps('view'), by: 'month' })
      const gone = people.find((list) => list[0]!.person === 'p5')!
      assert.equal(await two.forget({ user: 'p5' }), gone.length)
      const after_ = await one.trend({ ...RANGE, events: steps('view'), by: 'month' })
      const views = gone.filter(({ name: n, at }) => n === 'view' && at >= BEGIN && at < UNTIL).length
      assert.equal(after_.series[0]!.total, before_.series[0]!.total - views)
      assert.equal(await one.forget({ user: 'p5' }), 0)
    })

    it('keeps questions to be asked again', async () => {
      const saved = await one.reports.save({ title: 'Checkout', kind: 'funnel', query: { steps: [] } })
      assert.deepEqual(await two.reports.list(), [saved])
      assert.equal(await two.reports.remove(saved.id), true)
      assert.deepEqual(await one.reports.list(), [])
    })

    /** With the events that single tests added. */
    async function allKnown(lists: readonly (readonly Known[])[]): Promise<Known[][]> {
      return [...lists.map((list) => [...list]), ...(await addedByTests())]
    }
    async function addedByTests(): Promise<Known[][]> {
      const known = new Set((await one.names()).map(({ name: n }) => n))
      const added: [string, string, number][] = [
        ['edge one', 'edge', UNTIL - 1],
        ['edge two', 'edge', UNTIL + 3_599_999],
        ['edge one', 'late', UNTIL],
        ['edge two', 'late', UNTIL + 10],
        ['tie one', 'tie', BEGIN + 5],
        ['trial', 'g1', BEGIN + MINUTE],
        ['bought', 'g2', BEGIN + MINUTE + 1],
        ['trial', 'g3', BEGIN + MINUTE],
        ['trial', 'g4', BEGIN + MINUTE],
      ]
      const lists = new Map<string, Known[]>()
      for (const [n, person, at] of added) {
        if (known.has(n))
          lists.set(person, [...(lists.get(person) ?? []), { name: n, person, at, seq: 0, properties: {} }])
      }
      return [...lists.values()]
    }
  })
}

function counts({ steps }: { steps: readonly { count: number }[] }): number[] {
  return steps.map(({ count }) => count)
}

function shape(steps: readonly { count: number; medianMs: number | null; p90Ms: number | null }[]) {
  return steps.map(({ count, medianMs, p90Ms }) => ({ count, medianMs, p90Ms }))
}

function expected(people: readonly Known[][], query: FunnelQuery, value?: string): ReturnType<typeof shape> {
  const windowMs =
    { m: MINUTE, h: 60 * MINUTE, d: 1440 * MINUTE }[String(query.window).slice(-1) as 'm'] *
    parseInt(String(query.window))
  const range = { from: BEGIN, until: UNTIL }
  const reached = people.map((events) => furthest(events, query, range, windowMs, value))
  return query.steps.map((_, k) => {
    const here = reached.filter(({ level }) => level > k)
    const took = here.map((one) => one.took[k]!).sort((a, b) => a - b)
    const rank = (share: number): number | null =>
      k === 0 || took.length === 0 ? null : took[Math.ceil(share * took.length) - 1]!
    return { count: here.length, medianMs: rank(0.5), p90Ms: rank(0.9) }
  })
}

/** Browsers and users in a few bursts each, many events at equal times. */
function randomEvents(seed: number): TrackedEvent[] {
  let state = seed
  const random = (n: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648 // the generator of ISO C's example of rand()
    return Math.floor((state / 2_147_483_648) * n)
  }
  const events: TrackedEvent[] = []
  for (let person = 1; person <= 60; person++) {
    const bursts = 1 + random(4)
    let seq = 0
    for (let burst = 0; burst < bursts; burst++) {
      let at = BEGIN - 86_400_000 + random(13 * 24 * 60) * MINUTE
      for (let n = random(8); n >= 0; n--) {
        at += random(3) * 20 * MINUTE + random(2) * MINUTE
        events.push({
          id: uuidv7(),
          name: NAMES[random(4)]!,
          who: person <= 20 && random(2) === 0 ? { user: `p${person}` } : { anonymous: `b${person}` },
          at: new Date(at),
          seq: seq++,
          properties: {
            ...(random(5) > 0 && { plan: ['free', 'pro'][random(2)]! }),
            ...(random(3) > 0 && { amount: random(100) }),
          },
        })
      }
    }
  }
  return events.filter(({ at }) => at!.getTime() < NOW)
}

function sorted(links: PathsReport['links']): string[] {
  return links.map((link) => JSON.stringify([link.step, link.from, link.to, link.people])).sort()
}
