import { type IncomingMessage, Server, type ServerResponse } from 'node:http'
import { HOLD_HEADER, STEP_HEADER, type Asked } from '../evidence.ts'
import type { State } from './state.ts'
import type { Witness } from './witness.ts'

export interface Held {
  /** Lets go of the requests that are held. */
  release(): void
}

/** Runs the handling of each request in a context that says which one it is. */
export function watchRequests(witness: Witness, state: State): Held {
  const emit = Server.prototype.emit
  const waiting: (() => void)[] = []
  let released = false

  Server.prototype.emit = function (this: Server, event: string, ...args: unknown[]): boolean {
    if (event !== 'request') return Reflect.apply(emit, this, [event, ...args])
    const [request, response] = args as [IncomingMessage, ServerResponse]
    const asked = askedBy(request)
    const hold = take(request, HOLD_HEADER) !== undefined && !released
    const current = { asked, answered: false }
    state.look(undefined)
    state.sent(request)
    response.once('finish', () => {
      current.answered = true
      state.look(asked)
    })
    const go = (): boolean =>
      witness.context.run({ request: current }, () => Reflect.apply(emit, this, [event, ...args]) as boolean)
    if (!hold) return go()
    waiting.push(go)
    witness.say({ kind: 'held' })
    return true
  }
  return {
    release() {
      released = true
      for (const go of waiting.splice(0)) go()
    },
  }
}

function askedBy(request: IncomingMessage): Asked {
  const step = take(request, STEP_HEADER)
  const path = (request.url ?? '/').split('?')[0]!
  return { method: request.method ?? 'GET', path, ...(step !== undefined && { step: Number(step) }) }
}

/** The app is not to see our headers. */
function take({ headers, rawHeaders }: IncomingMessage, name: string): string | undefined {
  const value = headers[name]
  if (value === undefined) return undefined
  delete headers[name]
  const at = rawHeaders.findIndex((one, i) => i % 2 === 0 && one.toLowerCase() === name)
  if (at !== -1) rawHeaders.splice(at, 2)
  return String(value)
}
