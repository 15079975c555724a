/** Queues with a closed form. Times in seconds, rates a second. */

/** How likely all of `servers` are busy when somebody comes, with `load` of them busy on average (Erlang C; A. K. Erlang 1917).
 *  By the recursion of Erlang B, which stays exact for hundreds of servers. 1 when there is more load than servers. */
export function erlangC(servers: number, load: number): number {
  if (load >= servers) return 1
  let b = 1
  for (let n = 1; n <= servers; n++) b = (load * b) / (n + load * b)
  return b / (1 - (load / servers) * (1 - b))
}

export interface Wait {
  /** 0 to 1 of each server; above 1 there is no end to the queue. */
  utilization: number
  /** Of waiting at all. */
  chance: number
  /** On average over everybody; Infinity when more comes than can be done. */
  mean: number
}

/** Waiting before `servers` that each take `service` for one, on average, with a squared coefficient of variation `cv2` (0 is
 *  always the same, 1 exponential). Exact for cv2 = 1 (M/M/c) and for one server (Pollaczek and Khinchine); otherwise the
 *  approximation of Allen and Cunneen (Allen, "Probability, Statistics, and Queueing Theory", 1990, 5.3). */
export function waitOf({
  rate,
  service,
  servers,
  cv2 = 1,
}: {
  rate: number
  service: number
  servers: number
  cv2?: number
}): Wait {
  const load = rate * service
  const utilization = load / servers
  if (load === 0) return { utilization: 0, chance: 0, mean: 0 }
  if (utilization >= 1) return { utilization, chance: 1, mean: Infinity }
  const chance = erlangC(servers, load)
  const mean = ((chance * service) / (servers * (1 - utilization))) * ((1 + cv2) / 2)
  return { utilization, chance, mean }
}

export interface ClosedStation {
  /** Seconds of this station for one job, all visits together. */
  demand: number
  /** Servers of one queue. Infinity is a station where nobody waits (thinking, a network). */
  servers: number
}

export interface Closed {
  throughput: number
  /** Without thinking. */
  response: number
  /** Seconds at each station, waiting included. */
  residence: number[]
  utilization: number[]
}

/** Exact mean value analysis of a closed network with one class (Reiser and Lavenberg, JACM 1980; with several servers by the
 *  probabilities of how many are busy, as in Bolch, Greiner, de Meer, Trivedi, "Queueing Networks and Markov Chains", 8.1.2).
 *  Returns the network with 1, 2, … `population` jobs. */
export function mva(stations: readonly ClosedStation[], population: number, think = 0): Closed[] {
  const queue = stations.map(() => 0)
  // p[i][j]: how likely j jobs are at station i, needed below its number of servers.
  const p = stations.map(({ servers }) =>
    Number.isFinite(servers) ? [1, ...Array<number>(Math.max(0, servers - 1)).fill(0)] : [],
  )
  const found: Closed[] = []
  for (let n = 1; n <= population; n++) {
    const residence = stations.map(({ demand, servers }, i) => {
      if (!Number.isFinite(servers)) return demand
      let idle = 0
      for (let j = 0; j < servers - 1; j++) idle += (servers - 1 - j) * p[i]![j]!
      return (demand / servers) * (1 + queue[i]! + idle)
    })
    const response = residence.reduce((sum, r) => sum + r, 0)
    const throughput = n / (think + response)
    for (const [i, { demand, servers }] of stations.entries()) {
      queue[i] = throughput * residence[i]!
      if (!Number.isFinite(servers)) continue
      const before = [...p[i]!]
      let busy = 0
      for (let j = 1; j < servers; j++) {
        p[i]![j] = (throughput * demand * before[j - 1]!) / j
        busy += (servers - j) * p[i]![j]!
      }
      // Rounding makes it negative near saturation.
      p[i]![0] = Math.max(0, 1 - (throughput * demand + busy) / servers)
    }
    const utilization = stations.map(({ demand, servers }) => (throughput * demand) / servers)
    found.push({ throughput, response, residence: [...residence], utilization })
  }
  return found
}

/** What a closed network does a second with 1, 2, … `population` jobs that think for `think` seconds in between. Each station is
 *  its speeds: what it does a second with 1, 2, … jobs there, the last one for any number more. By the normalising constants
 *  (Buzen, "Computational Algorithms for Closed Queueing Networks", CACM 1973), which are sums of what is above nought and so
 *  stay exact where mean value analysis with such stations loses its digits. */
export function closed(stations: readonly (readonly number[])[], population: number, think: number): number[] {
  // The slowest station sets the unit of time, so that no product grows without end.
  const unit = Math.min(...stations.map((speeds) => speeds.at(-1)!), Number.MAX_VALUE)
  let g = [1]
  for (let n = 1; n <= population; n++) g.push((g[n - 1]! * think * unit) / n)
  for (const speeds of stations) {
    const alone = [1]
    for (let n = 1; n <= population; n++) {
      alone.push((alone[n - 1]! * unit) / speeds[Math.min(n, speeds.length) - 1]!)
    }
    g = g.map((_, n) => alone.slice(0, n + 1).reduce((sum, f, k) => sum + f * g[n - k]!, 0))
  }
  return Array.from({ length: population }, (_, n) => (g[n]! / g[n + 1]!) * unit)
}

/** A queue whose speed depends on how many are in it, such as all that lies behind a pool of connections: `speeds[n - 1]` is
 *  what it does a second with n inside, and no more get in than there are speeds. Open arrivals; who finds it full waits.
 *  The birth-death process solved; as a stand-in for a subnetwork: Chandy, Herzog and Woo, "Parametric Analysis of Queuing
 *  Networks", IBM J. R&D 1975. */
export function waitBefore(speeds: readonly number[], rate: number): Wait & { inside: number } {
  const room = speeds.length
  const most = speeds[room - 1]!
  if (rate === 0) return { utilization: 0, chance: 0, mean: 0, inside: 0 }
  if (rate >= most) return { utilization: rate / most, chance: 1, mean: Infinity, inside: room }
  // Weights grow and shrink over many powers of ten: as logarithms.
  const logs = [0]
  for (const speed of speeds) logs.push(logs.at(-1)! + Math.log(rate / speed))
  const top = Math.max(...logs)
  const weights = logs.map((log) => Math.exp(log - top))
  const ratio = rate / most
  // From `room` on the weights are a geometric row.
  const beyond = (weights[room]! * ratio) / (1 - ratio)
  const total = weights.reduce((sum, w) => sum + w, 0) + beyond
  const waiting = (weights[room]! * ratio) / (1 - ratio) ** 2 / total
  const inside = (weights.reduce((sum, w, n) => sum + w * n, 0) + beyond * room) / total
  return { utilization: ratio, chance: (weights[room]! + beyond) / total, mean: waiting / rate, inside }
}
