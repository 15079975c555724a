/** A queue under test, as the measurement sees it. */
export interface System {
  /** Removes all jobs, finished ones too. */
  clear(): Promise<void>
  /** One job, stored when it resolves. */
  add(payload: object): Promise<unknown>
  /** Many, in one call. */
  addMany(payloads: object[]): Promise<unknown>
  /** Very many, faster than a caller could. */
  fill?(count: number): Promise<void>
  /** Starts a worker; resolves when it is ready. Gives the way to stop it. */
  work(concurrency: number, run: (payload: object) => void): Promise<() => Promise<void>>
  /** Jobs that are not finished, by what the store says. */
  left(): Promise<number>
  close(): Promise<void>
}

export interface Place {
  /** An administrator's address of a database of its own. */
  url: string
  redisUrl: string
  /** For latency instead of throughput, where a peer has settings for each. */
  quick: boolean
  peers: Peers
  /** What `prepare` gave. */
  prepared: Record<string, string>
}

/** The peers are no dependencies of ours, so their types are not here either. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Peers = (specifier: string) => Promise<any>

export const JOB = 'bench.noop'

export const payloadOf = (n: number): object => ({
  orderId: '0199d3c4-1111-7000-8000-000000000001',
  to: 'ada@example.com',
  n,
  at: process.hrtime.bigint().toString(),
})
