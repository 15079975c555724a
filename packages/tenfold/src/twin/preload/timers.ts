import { createRequire, syncBuiltinESMExports } from 'node:module'
import type timersModule from 'node:timers'
import type { Place } from '../evidence.ts'
import type { Clock } from './identity.ts'
import type { Context, Witness } from './witness.ts'

export interface Timers {
  /** Fires the app's timers in the order in which they are due, with the clock turned to that moment, until each has
   *  done something outside, or the horizon or the budget is reached. */
  advance(limits: { horizonMs: number; budgetMs: number }): Promise<void>
}

/** Packages that run the app's code at times of day. Their timers are turned forward as the app's own are; those of other
 *  packages (idle connections, keep-alive) are left alone. */
const SCHEDULERS =
  /^(node-cron|croner|cron|node-schedule|long-timeout|toad-scheduler|bree|later|@breejs\/later|@nestjs\/schedule)$/

/** A timer that ticks without ever doing something outside is let go after as many rounds. */
const ROUNDS = { own: 3, scheduler: 3000 }
/** However busy the machine is, and whatever the budget of processor time says. */
const AT_MOST_MS = 20_000
/** Shorter than this in a request it is a pause, not work put off. */
const PUT_OFF_MS = 300

interface Pending {
  due: number
  ms: number
  repeat: boolean
  origin: Place | undefined
  scheduler: boolean
  fire(context: Context): void
  cancel(): void
}

export function createTimers(witness: Witness, clock: Clock): Timers {
  const pending = new Map<unknown, Pending>()
  const real = { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval }
  let round = 0
  const ticks = new Map<string, number>()

  const watched = (set: typeof setTimeout, repeat: boolean): typeof setTimeout => {
    const watching = (callback: (...args: unknown[]) => void, ms = 1, ...args: unknown[]): NodeJS.Timeout => {
      if (typeof callback !== 'function' || witness.quiet) return set(callback, ms, ...args)
      const { at, package: by } = witness.whence()
      const store = witness.context.getStore() ?? {}
      const scheduler = by !== undefined && SCHEDULERS.test(by)
      const eligible = scheduler || (by === undefined && at !== undefined)
      const origin = store.timer ?? at
      if (store.request && eligible && ms >= PUT_OFF_MS) {
        const { asked } = store.request
        witness.say({ kind: 'deferred', ms, during: asked, ...(at && { at }) })
      }
      const context: Context = { ...store, ...(origin && eligible && { timer: origin }) }
      const run = (): void => {
        if (!repeat) pending.delete(timer)
        witness.context.run(context, () => callback(...args))
      }
      const timer = set(run, ms)
      if (eligible) {
        pending.set(timer, {
          due: clock.now() + ms,
          ms,
          repeat,
          origin,
          scheduler,
          fire: (more) => witness.context.run({ ...context, ...more }, () => callback(...args)),
          cancel: () => real.clearTimeout(timer),
        })
      }
      return timer
    }
    return Object.defineProperties(watching, Object.getOwnPropertyDescriptors(set)) as unknown as typeof setTimeout
  }
  const clear = (given: unknown): void => {
    pending.delete(given)
    real.clearTimeout(given as NodeJS.Timeout)
  }
  const replaced = {
    setTimeout: watched(real.setTimeout, false),
    setInterval: watched(real.setInterval as typeof setTimeout, true),
    clearTimeout: clear,
    clearInterval: clear,
  }
  Object.assign(globalThis, replaced)
  Object.assign(createRequire(import.meta.url)('node:timers') as typeof timersModule, replaced)
  syncBuiltinESMExports()

  const pause = (ms: number): Promise<void> => new Promise((resolve) => void real.setTimeout(resolve, ms))

  async function advance({ horizonMs, budgetMs }: { horizonMs: number; budgetMs: number }): Promise<void> {
    if (pending.size === 0) return
    const end = clock.now() + horizonMs
    const cpu = process.cpuUsage()
    const spentMs = (): number => process.cpuUsage(cpu).user / 1000
    const stopAt = performance.now() + AT_MOST_MS
    const rounds = new Map<string, number>()
    const done = new Set<string>()
    const before = new Map<string, number>()
    witness.onEffect = ({ timer }) => {
      if (timer) before.set(nameOf(timer), (before.get(nameOf(timer)) ?? 0) + 1)
    }
    while (spentMs() < budgetMs && performance.now() < stopAt) {
      const [timer, next] = soonest(pending, (one) => !done.has(nameOf(one.origin)))
      if (!next || next.due > end) break
      const name = nameOf(next.origin)
      const tick = (ticks.get(name) ?? 0) + 1
      clock.forward(Math.max(0, next.due - clock.now()))
      if (next.repeat) next.due = clock.now() + Math.max(1, next.ms)
      else {
        pending.delete(timer)
        next.cancel()
      }
      const seen = before.get(name) ?? 0
      try {
        next.fire({ tick })
      } catch {
        // As in a timer that fired by itself, but the app shall live to see the next one.
      }
      // Answers of other servers take their time; most rounds of a scheduler only look at the clock.
      await (next.scheduler && round++ % 50 !== 0 ? new Promise((resolve) => real.setImmediate(resolve)) : pause(2))
      if ((before.get(name) ?? 0) > seen) {
        ticks.set(name, tick)
        done.add(name)
        await pause(60)
      } else if (!next.scheduler) ticks.set(name, tick)
      rounds.set(name, (rounds.get(name) ?? 0) + 1)
      if (rounds.get(name)! >= (next.scheduler ? ROUNDS.scheduler : ROUNDS.own)) done.add(name)
    }
    await pause(60)
    witness.onEffect = undefined
  }
  return { advance }
}

function soonest(pending: Map<unknown, Pending>, wanted: (one: Pending) => boolean): [unknown, Pending | undefined] {
  let found: [unknown, Pending | undefined] = [undefined, undefined]
  for (const entry of pending) if (wanted(entry[1]) && entry[1].due < (found[1]?.due ?? Infinity)) found = entry
  return found
}

function nameOf(place: Place | undefined): string {
  return place ? `${place.file}:${place.line}` : 'elsewhere'
}
