import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createTelemetry } from '../../telemetry/index.ts'
import { route, startServer } from '../testing/index.ts'
import { createAdmission } from './admission.ts'
import { createAdaptiveLimit } from './limit.ts'
import { createLoopGuard } from './loop.ts'
import { createWaitingRoom } from './queue.ts'
import { rankOf, RANKS } from './rank.ts'

/** An event loop made of numbers: requests cost `work` ms, those turned away a twentieth of one. */
function simulate({ maxDelayMs = 100 } = {}) {
  const time = { now: 0 }
  let after: (() => void) | undefined
  const guard = createLoopGuard(maxDelayMs, RANKS, {
    now: () => time.now,
    afterTurn: (callback) => (after = callback),
  })
  const endTurn = (): void => {
    const callback = after
    after = undefined
    callback?.()
  }
  return {
    guard,
    time,
    /** One turn that reads these requests; gives the ranks that came in. */
    turn(ranks: number[], work: number): number[] {
      const came = ranks.filter((rank) => {
        const lets = guard.lets({ rank })
        time.now += lets ? work : 0.05
        return lets
      })
      endTurn()
      return came
    },
    /** Something else has the loop for that long. */
    other(ms: number): void {
      time.now += ms
      endTurn()
    },
    pause(ms: number): void {
      while (after) endTurn()
      time.now += ms
    },
  }
}

const VISITOR = rankOf('normal', false)
const CRITICAL = rankOf('critical', false)

describe('the guard of the event loop', () => {
  test('lets everyone in while the loop keeps up, and after one handler that blocked it', () => {
    const { guard, turn, pause } = simulate()
    for (let i = 0; i < 200; i++) {
      assert.equal(turn([VISITOR, VISITOR], 3).length, 2)
      pause(5)
    }
    turn([VISITOR], 800)
    // What came meanwhile is read in turns that become shorter.
    for (const requests of [100, 50, 25, 12, 6, 3]) {
      assert.equal(turn(Array<number>(requests).fill(VISITOR), 3).length, requests)
    }
    assert.equal(guard.busy, false)
  })

  test('turns nobody away because of jobs that have the loop', () => {
    const { guard, turn, other } = simulate()
    for (let i = 0; i < 100; i++) {
      assert.equal(turn([VISITOR, VISITOR], 2).length, 2)
      other(150)
      other(150)
    }
    assert.equal(guard.busy, false)
  })

  test('at three times the capacity does as much as it can, in short turns, the critical first; and is calm soon after', () => {
    const { guard, time, turn, pause } = simulate()
    const counts = { visitors: 0, critical: 0, criticalIn: 0, in: 0, longest: 0 }
    let sent = 0
    const settled = 2000
    while (time.now < 12_000) {
      const due = Math.floor(time.now * 1.5) // 1500 a second, 2 ms each
      const ranks = Array.from({ length: Math.max(1, due - sent) }, (_, i) =>
        (sent + i) % 10 === 0 ? CRITICAL : VISITOR,
      )
      sent += ranks.length
      const start = time.now
      const came = turn(ranks, 2)
      if (start < settled) continue
      counts.longest = Math.max(counts.longest, time.now - start)
      counts.in += came.length
      counts.critical += ranks.filter((rank) => rank === CRITICAL).length
      counts.criticalIn += came.filter((rank) => rank === CRITICAL).length
    }
    assert.ok(guard.busy)
    const perSecond = counts.in / 10
    assert.ok(perSecond > 425, `${perSecond} of 500 a second`)
    assert.ok(counts.longest < 250, `a turn of ${counts.longest} ms`)
    assert.ok(counts.criticalIn / counts.critical > 0.9, `${counts.criticalIn} of ${counts.critical} critical ones`)
    const end = time.now
    while (guard.busy && time.now < end + 10_000) {
      turn([VISITOR, CRITICAL], 2)
      pause(10)
    }
    assert.ok(time.now - end < 5000, `calm after ${time.now - end} ms`)
  })
})

test('the limit of what runs at once falls when answers wait for each other, and rises again', () => {
  const clock = { now: 0 }
  const limit = createAdaptiveLimit({ min: 64, max: 1000, now: () => clock.now })
  const answer = (ms: number, running: number, times: number): void => {
    for (let i = 0; i < times; i++) {
      clock.now += 1
      limit.answered('GET /', ms, running)
    }
  }
  answer(10, 5, 1000)
  const before = limit.value
  answer(10, before, 3000)
  assert.ok(limit.value > before, 'more is tried where it is wanted')
  answer(500, limit.value, 5000)
  assert.equal(limit.value, 64)
  for (let i = 0; i < 100; i++) answer(12, limit.value, 50)
  assert.ok(limit.value > 100)
})

test('who waits comes in by rank; the full room gives way from below, and nobody waits for ever', () => {
  const room = createWaitingRoom(3, RANKS)
  const said: string[] = []
  const wait = (name: string, rank: number, until: number): void =>
    room.wait(
      rank,
      until,
      () => said.push(`${name} in`),
      () => said.push(`${name} out`),
    )
  wait('a', 2, 10)
  wait('b', 0, 10)
  wait('c', 3, 10)
  wait('d', 4, 20)
  assert.deepEqual(said, ['b out'])
  wait('e', 0, 10)
  assert.deepEqual(said, ['b out', 'e out'])
  room.next()
  room.next()
  assert.deepEqual(said.slice(2), ['d in', 'c in'])
  room.sweep(10)
  assert.deepEqual(said.slice(4), ['a out'])
  assert.equal(room.next(), false)
  assert.equal(room.size, 0)
})

test('a request without time left does not come in, and places are given back', async () => {
  const telemetry = createTelemetry({ service: 's', env: 'test', level: 'silent' })
  const admission = createAdmission({ maxConcurrency: 2, maxWaitMs: 20 }, telemetry)
  const soon = performance.now() + 1000
  assert.equal(admission.enter({ rank: 2 }, performance.now() + 1, true), 'deadline')
  assert.equal(admission.enter({ rank: 2 }, soon, true), true)
  assert.equal(admission.enter({ rank: 2 }, soon, true), true)
  const third = admission.enter({ rank: 2 }, soon, true)
  assert.equal(admission.enter({ rank: 2 }, soon, false), true, 'streams take no place')
  admission.leave('GET /', 1)
  assert.equal(await third, undefined)
  assert.equal(admission.running, 2)
  await telemetry.close()
})

test('a server over its limit answers 503 with retry-after and a code; health checks come in; it is counted', async () => {
  const open = Promise.withResolvers<void>()
  const server = await startServer(
    [
      route('GET /wait', { handle: () => open.promise.then(() => ({ ok: true })) }),
      route('GET /first', { priority: 'critical', handle: async () => ({ ok: true }) }),
    ],
    { shedding: { maxConcurrency: 2, maxWaitMs: 100 } },
  )
  const held = [server.get('/wait'), server.get('/wait')]
  const waits = [server.get('/wait'), server.get('/wait')]
  while ((await server.get('/health/live')).status !== 200);
  // The room has two places: they are taken.
  const deadline = Date.now() + 5000
  let refused: Response
  do refused = await server.get('/wait')
  while (refused.status !== 503 && Date.now() < deadline)
  assert.equal(refused.status, 503)
  assert.match(refused.headers.get('retry-after')!, /^[123]$/)
  assert.equal(refused.headers.get('x-content-type-options'), 'nosniff')
  const problem = (await refused.json()) as { code: string; instance: string }
  assert.deepEqual([problem.code, problem.instance], ['TF_OVERLOADED', refused.headers.get('x-request-id')])
  open.resolve()
  assert.deepEqual(
    (await Promise.all(held)).map(({ status }) => status),
    [200, 200],
  )
  await Promise.all(waits)
  assert.equal((await server.get('/first')).status, 200)
  assert.ok(server.logs.some(({ message }) => message.startsWith('more requests come')))
  await server.stop()
})

test('the caller says how long it waits: then the request is aborted, and what is left can be passed on', async () => {
  const server = await startServer([
    route('GET /left', { handle: async ({ msLeft }) => ({ bound: typeof msLeft }) }),
    route('GET /ms', { handle: async (request) => ({ left: request.msLeft() }) }),
    route('GET /slow', {
      handle: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    }),
  ])
  const left = async (headers: Record<string, string>): Promise<number> =>
    ((await (await server.get('/ms', { headers })).json()) as { left: number }).left
  const short = await left({ 'x-tenfold-deadline': '2000' })
  assert.ok(short > 1000 && short <= 2000, `${short}`)
  assert.ok((await left({})) > 20_000)
  assert.ok((await left({ 'x-tenfold-deadline': 'soon' })) > 20_000)
  const start = performance.now()
  assert.equal((await server.get('/slow', { headers: { 'x-tenfold-deadline': '50' } })).status, 503)
  assert.ok(performance.now() - start < 5000)
  await server.stop()
})
