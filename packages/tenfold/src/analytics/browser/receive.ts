/** What browsers send: checked, cleaned of what no person did, and joined to the user who is signed in. */
import { isbot } from 'isbot'
import { type Clock } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { Analytics, Properties, TrackedEvent } from '../analytics.ts'

export interface BrowserOptions {
  analytics: Analytics
  telemetry: Pick<Telemetry, 'metrics' | 'log'>
  clock: Clock
  /** Names that browsers may send. Defaults to all. */
  names?: readonly string[]
  /** Users whose events are not kept: one's own team. */
  ignoreUsers?: readonly string[]
}

export interface BrowserRequest {
  body: unknown
  headers: { readonly 'user-agent'?: string | undefined; readonly dnt?: unknown; readonly 'sec-gpc'?: unknown }
  userId: string | undefined
}

export interface BrowserReply {
  /** Whether the browser should take a new id: its old one belongs to another user. */
  reset: boolean
}

interface Batch {
  sentAt: number
  anonymous: string
  events: readonly { id: string; name: string; at: number; seq: number; properties?: Properties | undefined }[]
}

/** A clock that is wrong by more than this is corrected; a better one is left as it is, so that an event that is sent again
 *  has the same time. */
const SKEW_MS = 60_000
const OLDEST_MS = 7 * 86_400_000
const MOST_EVENTS = 500
const REMEMBERED = 50_000

/** Answers undefined for what is not a batch of events. */
export type Receive = (request: BrowserRequest) => Promise<BrowserReply | undefined>

export function createReceive(options: BrowserOptions): Receive {
  const { analytics, telemetry, clock, names, ignoreUsers = [] } = options
  const dropped = telemetry.metrics.counter('tenfold.analytics.dropped', {
    help: 'Events of browsers that were not kept, by reason.',
    unit: '{event}',
  })
  /** Whose browser it is: asked once, and then not for each batch. */
  const owners = new Map<string, string>()
  const allowed = names && new Set(names)
  const ignored = new Set(ignoreUsers)

  const reasonAgainst = ({ headers, userId }: BrowserRequest): string | undefined => {
    if (isbot(headers['user-agent'])) return 'bot'
    if (headers['sec-gpc'] === '1' || headers.dnt === '1') return 'not wanted'
    if (userId !== undefined && ignored.has(userId)) return 'ignored user'
    return undefined
  }

  const owns = async (userId: string, anonymous: string): Promise<boolean> => {
    if (owners.get(anonymous) === userId) return true
    const own = await analytics.identify(userId, anonymous)
    if (owners.size >= REMEMBERED) owners.clear()
    if (own) owners.set(anonymous, userId)
    return own
  }

  return async (request) => {
    const batch = batchOf(request.body)
    if (!batch) return undefined
    const reason = reasonAgainst(request)
    if (reason !== undefined) {
      dropped.add(batch.events.length, { reason })
      return { reset: false }
    }
    const now = clock.now()
    const skew = now - batch.sentAt
    const events = batch.events.flatMap((event): TrackedEvent[] => {
      const at = Math.min(now, Math.abs(skew) > SKEW_MS ? event.at + skew : event.at)
      const why = at < now - OLDEST_MS ? 'too old' : allowed && !allowed.has(event.name) ? 'unknown name' : undefined
      if (why !== undefined) dropped.add(1, { reason: why })
      const who = request.userId === undefined ? { anonymous: batch.anonymous } : { user: request.userId }
      return why === undefined ? [{ ...event, at: new Date(at), who } as TrackedEvent] : []
    })
    const reset = request.userId !== undefined && !(await owns(request.userId, batch.anonymous))
    await analytics.track(events)
    return { reset }
  }
}

function batchOf(body: unknown): Batch | undefined {
  const { sentAt, anonymous, events } = Object(body) as Partial<Batch>
  if (typeof sentAt !== 'number' || !Number.isFinite(sentAt)) return undefined
  if (typeof anonymous !== 'string' || !/^[\w-]{8,64}$/.test(anonymous)) return undefined
  if (!Array.isArray(events) || events.length > MOST_EVENTS) return undefined
  const fine = events.every((event: Partial<Batch['events'][number]> | null) => {
    const { id, name, at, seq, properties = {} } = Object(event) as Partial<Batch['events'][number]>
    return (
      typeof id === 'string' &&
      typeof name === 'string' &&
      Number.isFinite(at) &&
      Number.isInteger(seq) &&
      typeof properties === 'object' &&
      properties !== null &&
      Object.values(properties).every(
        (value) => value === null || ['string', 'number', 'boolean'].includes(typeof value),
      )
    )
  })
  return fine ? (body as Batch) : undefined
}
