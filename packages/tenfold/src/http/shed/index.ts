import { STATUS_CODES } from 'node:http'
import { Overloaded } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { writeWhole } from '../head.ts'
import type { OriginGuard } from '../origin.ts'
import type { HeaderBlock } from '../security.ts'
import type { Admission } from './admission.ts'

export { createAdmission, type SheddingOptions } from './admission.ts'

/** Load shedding as the request path sees it. */
export interface Shedding {
  /** Whether the request may go on: at once, or after waiting. Who may not is answered here. */
  comesIn(x: Exchange): boolean | Promise<boolean>
  /** The handler is done with it. */
  answered(x: Exchange): void
}

/** Callers must not all come back at the same moment. */
const RETRY_SECONDS = ['1', '2', '3']

export function createShedding(admission: Admission, headers: HeaderBlock, origins: OriginGuard): Shedding {
  const error = Overloaded()
  const { status, code, message: detail } = error
  const start = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, code }).slice(0, -1)

  /** The shortest way to an answer: no context, no trace, no line. */
  const turnAway = (x: Exchange): false => {
    if (x.res.destroyed || x.res.headersSent) return false
    try {
      origins.check(x)
    } catch {
      // Turned away all the same.
    }
    const body = `${start},"instance":"${x.requestId}"}`
    const retry = RETRY_SECONDS[Math.floor(Math.random() * RETRY_SECONDS.length)]!
    const own = ['retry-after', retry, 'x-request-id', x.requestId, 'content-length', String(body.length), ...x.extra]
    writeWhole(x, status, headers, own, x.method === 'HEAD' ? undefined : body)
    x.status = status
    x.bytes = body.length
    x.route.durations[5]!.record((performance.now() - x.startedAt) / 1000)
    return false
  }

  const afterWaiting = async (x: Exchange, waiting: ReturnType<Admission['enter']>): Promise<boolean> => {
    if ((await waiting) !== undefined) return turnAway(x)
    x.hasPlace = true
    if (!x.res.destroyed) return true
    // The client went away while it waited.
    admission.leave(x.route.name, undefined)
    x.hasPlace = false
    return false
  }

  return {
    comesIn(x) {
      const { quiet, takesPlace } = x.route
      if (quiet) return true
      const entry = admission.enter(x, x.deadline, takesPlace)
      if (entry === true) {
        x.hasPlace = takesPlace
        return true
      }
      return typeof entry === 'string' ? turnAway(x) : afterWaiting(x, entry)
    },
    answered(x) {
      if (!x.hasPlace) return
      x.hasPlace = false
      admission.leave(x.route.name, x.error === undefined || x.aborted ? performance.now() - x.startedAt : undefined)
    },
  }
}
