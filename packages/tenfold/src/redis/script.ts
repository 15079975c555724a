import { createHash } from 'node:crypto'

/** A Lua program that the server runs as one step. */
export interface Script {
  readonly lua: string
  /** The name under which the server knows it once it has seen it. */
  readonly sha: string
}

/** @example
 *  const ADD = scriptOf(`return redis.call('incrby', KEYS[1], ARGV[1])`)
 *  await redis.run<number>(ADD, ['visits'], [2]) */
export function scriptOf(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}
