/** What the parts share: how tables are asked, and what an endpoint and a delivery look like from outside. */
import type { Result, SqlTransaction } from '../database/index.ts'
import type { Vault } from '../modules/index.ts'

/** A module's `db`, or a transaction of it. */
export interface Asks {
  sql<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Result<Row>>
}

/** A module's transaction. */
export interface Within extends Asks, SqlTransaction {}

/** What a handler, job or cron of the module passes on of its context. Inside a transaction: `{ ...context, db: tx }`. */
export interface WebhookContext<S = unknown> {
  readonly db: Asks
  readonly vault: Vault
  readonly settings: S
}

export interface Endpoint<Type extends string = string> {
  id: string
  owner: string
  url: string
  /** Empty: all types. */
  events: Type[]
  /** Attempts that failed since the last one that arrived. */
  failures: number
  failingSince: Date | undefined
  /** Nothing is sent any more. */
  disabledAt: Date | undefined
  disabledWhy: string | undefined
  createdAt: Date
}

export interface Delivery<Type extends string = string> {
  id: string
  endpoint: string
  type: Type
  /** What the receiver knows it by. */
  webhookId: string
  attempts: number
  /** What the other side answered last; undefined: nothing. */
  status: number | undefined
  /** What was wrong with the last attempt. */
  problem: string | undefined
  /** The beginning of what a failed attempt was answered. */
  answer: string | undefined
  attemptedAt: Date | undefined
  deliveredAt: Date | undefined
  createdAt: Date
}

export interface EndpointRow {
  id: string
  owner: string
  url: string
  events: string[]
  failures: number
  failing_since: Date | null
  disabled_at: Date | null
  disabled_why: string | null
  created_at: Date
}

export function endpointOf(row: EndpointRow): Endpoint {
  return {
    id: row.id,
    owner: row.owner,
    url: row.url,
    events: row.events,
    failures: row.failures,
    failingSince: row.failing_since ?? undefined,
    disabledAt: row.disabled_at ?? undefined,
    disabledWhy: row.disabled_why ?? undefined,
    createdAt: row.created_at,
  }
}

/** No full stop in it: see `Signable`. */
export function webhookIdOf(message: string): string {
  return `msg_${message.replaceAll('-', '')}`
}
