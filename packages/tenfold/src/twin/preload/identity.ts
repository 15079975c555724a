import { createRequire, syncBuiltinESMExports } from 'node:module'
import type os from 'node:os'
import type { Orders } from '../evidence.ts'
import type { Witness } from './witness.ts'

export interface Clock {
  now(): number
  /** Turns the clock of this process forward. */
  forward(ms: number): void
}

/** Gives this process its own hostname, and a clock that goes wrong by `skewMs`. */
export function shiftIdentity(witness: Witness, { hostname, skewMs }: Orders): Clock {
  const builtin = createRequire(import.meta.url)('node:os') as typeof os
  builtin.hostname = () => {
    // Loggers ask for it, too, and only write it down.
    const { at, package: by } = witness.whence()
    if (at && by === undefined) witness.sayOnce(`hostname ${at.file}:${at.line}`, { kind: 'hostname', at })
    return hostname
  }
  syncBuiltinESMExports()
  return shiftDate(skewMs)
}

function shiftDate(skewMs: number): Clock {
  const RealDate = Date
  const realNow = Date.now
  let ahead = skewMs
  const now = (): number => realNow() + ahead
  RealDate.now = now
  // A proxy, not a subclass: `instanceof`, `Date.prototype` and libraries that extend Date see the same thing as before.
  const Shifted: DateConstructor = new Proxy(RealDate, {
    construct: (target, args: [], asked): Date =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, asked === Shifted ? target : asked) as Date,
    apply: () => new RealDate(now()).toString(),
  })
  RealDate.prototype.constructor = Shifted
  globalThis.Date = Shifted
  return { now, forward: (ms) => void (ahead += ms) }
}
