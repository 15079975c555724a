import type { Script } from './script.ts'

/** A connection to Redis or Valkey, shared by all that use it in one process.
 *
 *  R1  A command fails while Redis is away, with TF_REDIS_AWAY: it is never kept for later. What must not be lost is
 *      kept by whoever sent it.
 *  R2  Every command ends within `timeoutMs`, whatever the network does. One that timed out may have been carried out.
 *  R3  The connection comes back by itself, as soon as Redis does.
 *  R4  The password of the address is in no message, log line or metric.
 *  R5  A script is one step for everybody else, and its text travels only where the server does not know it. */

export type RedisValue = string | number | Buffer

export interface Redis {
  /** Host, port and database: `127.0.0.1:6379/0`. */
  readonly where: string
  /** Whether a command would be sent now. */
  ready(): boolean
  /** @example
   *  const id = await redis.command<number>('incr', 'visits') */
  command<Answer>(name: string, ...values: RedisValue[]): Promise<Answer>
  /** As `command`, for answers that are not text. */
  bytes<Answer>(name: string, ...values: RedisValue[]): Promise<Answer>
  /** Runs a Lua script.
   *  @param options.bytes gives strings of the answer as buffers: what is not text would be damaged otherwise */
  run<Answer>(
    script: Script,
    keys: readonly string[],
    values: readonly RedisValue[],
    options?: { bytes?: boolean },
  ): Promise<Answer>
  /** Several commands in one round trip, not atomic; the answers in order. Fails if one of them fails. */
  batch(commands: readonly (readonly [string, ...RedisValue[]])[]): Promise<unknown[]>
  /** Fails if Redis does not answer. */
  ping(): Promise<void>
  /** What a crash of the server may cost: `always` nothing, `everysec` up to a second, `never` all since the last snapshot.
   *  `unknown` where the server does not tell. */
  durability(): Promise<Durability>
  /** The driver's own client, for libraries that bring commands of their own; it keeps R1 to R3. */
  readonly client: RedisClient
  /** Clients of their own, for commands that wait: they wait for Redis too. */
  patient(): PatientRedis
  close(): Promise<void>
}

export interface PatientRedis {
  readonly client: RedisClient
  /** At once, with all clients that were made out of it. */
  disconnect(): void
}

export type Durability = 'always' | 'everysec' | 'never' | 'unknown'

/** What we use of a client of `ioredis`; structural, so that its types stay out of ours. */
export interface RedisClient {
  readonly status: string
  call(command: string, ...values: RedisValue[]): Promise<unknown>
  callBuffer(command: string, ...values: RedisValue[]): Promise<unknown>
  pipeline(commands: unknown[][]): { exec(): Promise<[Error | null, unknown][] | null> }
  duplicate(options?: object): RedisClient
  on(event: string, listener: (error: Error) => void): unknown
  once(event: string, listener: (error: Error) => void): unknown
  off(event: string, listener: (error: Error) => void): unknown
  disconnect(): void
  quit(): Promise<unknown>
}
