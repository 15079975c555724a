/** Where webhooks go: whose they are, what they want to hear of, and the secrets that they are signed with. */
import { messageOf, toMs, type Duration } from '../kernel/index.ts'
import { checkPublic } from '../outbound/index.ts'
import { WebhookType, WebhookUrl } from './errors.ts'
import { newWebhookSecret } from './sign.ts'
import { endpointOf, type Asks, type Endpoint, type EndpointRow, type WebhookContext } from './store.ts'

/** Which endpoint. With `owner`, one of somebody else is not found. */
export interface Which {
  id: string
  owner?: string
}

export interface NewEndpoint<Type extends string> {
  /** Whoever is sent to by this name: a user, an account. Defaults to `''`, the one owner of apps that have no such thing. */
  owner?: string
  url: string
  /** Defaults to all types. */
  events?: readonly Type[]
  /** Defaults to a new one. */
  secret?: string
}

export interface Endpoints<S, Type extends string> {
  /** Refuses URLs that are not public (TF_WEBHOOK_URL). The secret is shown only here. */
  add(context: WebhookContext<S>, endpoint: NewEndpoint<Type>): Promise<{ id: string; secret: string }>
  get(context: WebhookContext<S>, which: Which): Promise<Endpoint<Type> | undefined>
  /** Oldest first; at most 1000. */
  list(context: WebhookContext<S>, of?: { owner?: string }): Promise<Endpoint<Type>[]>
  /** False if there is none. */
  change(context: WebhookContext<S>, which: Which, to: { url?: string; events?: readonly Type[] }): Promise<boolean>
  /** A new secret; the old one signs beside it for so long (a day by default; `0`: no longer). Undefined if there is none. */
  rotate(
    context: WebhookContext<S>,
    which: Which,
    options?: { keepOld?: Duration },
  ): Promise<{ secret: string } | undefined>
  disable(context: WebhookContext<S>, which: Which, why?: string): Promise<boolean>
  /** Sends to it again from now on. What was missed meanwhile is sent by `replay`. */
  enable(context: WebhookContext<S>, which: Which): Promise<boolean>
  /** With all of its deliveries. */
  remove(context: WebhookContext<S>, which: Which): Promise<boolean>
}

export interface Allowed {
  allowPrivate: boolean | readonly string[]
  allowHttp: boolean
}

export function endpointsOf<S, Type extends string>(
  module: string,
  types: readonly Type[],
  allowedBy: (settings: S) => Allowed,
): Endpoints<S, Type> {
  const checkTypes = (events: readonly Type[]): string[] => {
    const unknown = events.find((type) => !types.includes(type))
    if (unknown !== undefined) throw WebhookType({ type: unknown, known: [...types] })
    return [...new Set(events)]
  }
  return {
    async add({ db, vault, settings }, { owner = '', url, events = [], secret = newWebhookSecret() }) {
      const to = checkedUrl(module, url, allowedBy(settings))
      const { rows } = await db.sql<{ id: string }>`
        insert into webhook_endpoint (owner, url, events, secret)
        values (${owner}, ${to}, ${checkTypes(events)}, ${vault.seal(secret)}) returning id`
      return { id: rows[0]!.id, secret }
    },
    async get({ db }, { id, owner = null }) {
      const { rows } = await db.sql<EndpointRow>`
        select * from webhook_endpoint where id = ${id}::uuid and owner = coalesce(${owner}, owner)`
      return rows[0] && (endpointOf(rows[0]) as Endpoint<Type>)
    },
    async list({ db }, { owner = undefined } = {}) {
      const { rows } = await db.sql<EndpointRow>`
        select * from webhook_endpoint where owner = coalesce(${owner ?? null}, owner) order by id limit 1000`
      return rows.map(endpointOf) as Endpoint<Type>[]
    },
    async change({ db, settings }, { id, owner = null }, { url, events }) {
      const to = url === undefined ? null : checkedUrl(module, url, allowedBy(settings))
      const { rowCount } = await db.sql`
        update webhook_endpoint
           set url = coalesce(${to}, url), events = coalesce(${events ? checkTypes(events) : null}::text[], events)
         where id = ${id}::uuid and owner = coalesce(${owner}, owner)`
      return rowCount > 0
    },
    async rotate({ db, vault }, { id, owner = null }, { keepOld = '1d' } = {}) {
      const secret = newWebhookSecret()
      const { rowCount } = await db.sql`
        update webhook_endpoint
           set old_secret = secret, old_secret_until = now() + ${toMs(keepOld)}::float8 * interval '1 ms',
               secret = ${vault.seal(secret)}
         where id = ${id}::uuid and owner = coalesce(${owner}, owner)`
      return rowCount > 0 ? { secret } : undefined
    },
    async disable({ db }, { id, owner = null }, why = 'It was disabled by hand.') {
      const { rowCount } = await db.sql`
        update webhook_endpoint set disabled_at = coalesce(disabled_at, now()), disabled_why = coalesce(disabled_why, ${why})
         where id = ${id}::uuid and owner = coalesce(${owner}, owner)`
      return rowCount > 0
    },
    enable: ({ db }, which) => enableEndpoint(db, which),
    async remove({ db }, { id, owner = null }) {
      const { rowCount } = await db.sql`
        delete from webhook_endpoint where id = ${id}::uuid and owner = coalesce(${owner}, owner)`
      return rowCount > 0
    },
  }
}

export async function enableEndpoint(db: Asks, { id, owner }: Which): Promise<boolean> {
  const { rowCount } = await db.sql`
    update webhook_endpoint set disabled_at = null, disabled_why = null, failures = 0, failing_since = null
     where id = ${id}::uuid and owner = coalesce(${owner ?? null}, owner)`
  return rowCount > 0
}

function checkedUrl(module: string, text: string, { allowPrivate, allowHttp }: Allowed): string {
  const url = publicUrl(module, text, allowPrivate)
  if (url.protocol !== 'https:' && !allowHttp) throw WebhookUrl({ problem: 'it does not begin with https://.' })
  return url.href
}

function publicUrl(module: string, text: string, allowPrivate: Allowed['allowPrivate']): URL {
  try {
    return checkPublic(`${module}.webhooks`, text, allowPrivate)
  } catch (error) {
    throw WebhookUrl({ problem: messageOf(error) }, { cause: error })
  }
}
