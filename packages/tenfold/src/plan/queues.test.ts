import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closed, erlangC, mva, waitBefore, waitOf } from './queues.ts'
import { gammaBelow, quantileOf, NOTHING, waiting, work } from './spread.ts'

const near = (value: number, wanted: number, within = 1e-3): void =>
  assert.ok(Math.abs(value - wanted) <= within * Math.max(1, Math.abs(wanted)), `${value}, not ${wanted}`)

test('Erlang C gives the values of its tables', () => {
  // One server: the utilisation. Two: 2a²/(2+a) · 1/2, here a = 1: 1/3 (Kleinrock, Queueing Systems I, 1975, 3.5).
  near(erlangC(1, 0.7), 0.7)
  near(erlangC(2, 1), 1 / 3)
  // By the formula a^c/c! · c/(c-a) / (sum + it), worked out by hand for c = 3, a = 2: 4/9.
  near(erlangC(3, 2), 4 / 9)
  // The usual example of call centres: 10 Erlang on 11 agents, and on 14 (Erlang's tables: 0.682, 0.174).
  near(erlangC(11, 10), 0.6821, 2e-3)
  near(erlangC(14, 10), 0.1741, 2e-3)
  assert.equal(erlangC(4, 5), 1)
  assert.ok(erlangC(500, 450) > 0 && erlangC(500, 450) < 1, 'no overflow with many servers')
})

test('M/M/1, M/D/1 and M/M/c wait as long as the formulas say', () => {
  // M/M/1: W = rho/(1-rho) S. M/D/1: half of it (Pollaczek 1930, Khinchine 1932).
  near(waitOf({ rate: 8, service: 0.1, servers: 1 }).mean, 0.4)
  near(waitOf({ rate: 8, service: 0.1, servers: 1, cv2: 0 }).mean, 0.2)
  near(waitOf({ rate: 20, service: 0.1, servers: 3 }).mean, (4 / 9) * 0.1, 1e-6)
  assert.equal(waitOf({ rate: 11, service: 0.1, servers: 1 }).mean, Infinity)
})

test('the response doubles at the utilisation that is known for each number of servers', () => {
  // 0.5 with one server, 0.71 with two (R = S/(1-rho²)), 0.84 with four, 0.91 with eight.
  for (const [servers, at] of [
    [1, 0.5],
    [2, Math.SQRT1_2],
    [4, 0.84],
    [8, 0.91],
  ] as const) {
    const response = 1 + waitOf({ rate: at * servers, service: 1, servers }).mean
    assert.ok(Math.abs(response - 2) < 0.1, `${servers}: ${response}`)
  }
})

test('mean value analysis agrees with convolution, and with the example in the textbook', () => {
  // Lazowska, Zahorjan, Graham, Sevcik, "Quantitative System Performance" (1984), chapter 6: three terminals that think for
  // 15 s, a CPU and two disks with demands of 0.605, 2.1 and 1.35 s.
  const demands = [0.605, 2.1, 1.35]
  const found = mva(
    demands.map((demand) => ({ demand, servers: 1 })),
    30,
    15,
  )
  const byConstants = closed(
    demands.map((demand) => [1 / demand]),
    30,
    15,
  )
  near(found[2]!.throughput, 0.152, 5e-3)
  for (const n of [1, 3, 10, 30]) near(found[n - 1]!.throughput, byConstants[n - 1]!, 1e-9)
})

test('a balanced network has the throughput of its closed form, N / (D (N + M - 1))', () => {
  const stations = Array.from({ length: 4 }, () => ({ demand: 0.2, servers: 1 }))
  for (const [i, { throughput }] of mva(stations, 12).entries()) near(throughput, (i + 1) / (0.2 * (i + 4)), 1e-9)
})

test('several servers in a closed network are the machine repair model', () => {
  // Six machines that run for 10 h on average, two repairmen, 2 h each: the birth-death chain, solved directly.
  const [think, demand, servers, machines] = [10, 2, 2, 6]
  const weights = [1]
  for (let n = 1; n <= machines; n++)
    weights.push((weights[n - 1]! * ((machines - n + 1) / think)) / (Math.min(n, servers) / demand))
  const total = weights.reduce((sum, w) => sum + w, 0)
  const broken = weights.reduce((sum, w, n) => sum + (w / total) * n, 0)
  const exact = (machines - broken) / think
  near(mva([{ demand, servers }], machines, think).at(-1)!.throughput, exact, 1e-9)
  near(closed([[1 / demand, 2 / demand]], machines, think).at(-1)!, exact, 1e-9)
})

test('a pool before many servers is M/M/c, and the queue before a slow server is one wherever it waits', () => {
  const pool = waitBefore([10, 20, 30], 20)
  const exact = waitOf({ rate: 20, service: 0.1, servers: 3 })
  near(pool.mean, exact.mean, 1e-9)
  near(pool.chance, exact.chance, 1e-9)
  near(pool.inside, 2, 1e-9)
  // One core behind any pool does ten a second: in all, M/M/1.
  const behind = waitBefore(Array<number>(5).fill(10), 8)
  near(behind.mean + behind.inside / 8, 0.5, 1e-9)
})

test('percentiles are those of the exponential, of the constant, and of M/M/1', () => {
  near(quantileOf([{ share: 1, work: work(1, 1), waiting: NOTHING }], 0.95), -Math.log(0.05), 0.05)
  near(quantileOf([{ share: 1, work: work(1, 0), waiting: NOTHING }], 0.95), 1, 0.03)
  const { chance, mean } = waitOf({ rate: 0.7, service: 1, servers: 1 })
  // Response times of M/M/1 are exponential with mean S/(1-rho); waiting has an atom at nought.
  near(
    quantileOf([{ share: 1, work: NOTHING, waiting: waiting({ chance, mean }) }], 0.95),
    Math.log(0.7 / 0.05) / 0.3,
    1e-3,
  )
  near(
    quantileOf([{ share: 1, work: work(1, 1), waiting: waiting({ chance, mean }) }], 0.95),
    -Math.log(0.05) / 0.3,
    0.03,
  )
  near(gammaBelow(3, 2), 0.3233235838, 1e-8)
  near(gammaBelow(3, 8), 0.9862460323, 1e-8)
})
