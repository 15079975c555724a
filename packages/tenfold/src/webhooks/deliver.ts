/** One attempt of one delivery: signed now, posted, and what came of it written down. */
import { messageOf, toMs, type Duration } from '../kernel/index.ts'
import { retryAfterMs, type Client } from '../outbound/index.ts'
import { WebhookFailed } from './errors.ts'
import { signWebhook } from './sign.ts'
import { webhookIdOf, type Asks, type Within } from './store.ts'
import type { Vault } from '../modules/index.ts'

/** How much of an answer is read, and kept, in bytes. */
const READ = 16 * 1024
const KEPT = 500

interface Due {
  delivery: string
  body: string
  message: string
  endpoint: string
  owner: string
  url: string
  secret: string
  old_secret: string | null
  delivered: boolean
  disabled: boolean
}

/** What became of an attempt. */
interface Attempt {
  status: number | null
  /** Undefined: it arrived. */
  problem: string | undefined
  answer: string | null
  /** It says that nobody is there any more (410). */
  gone: boolean
  retryAfterMs: number
}

/** An endpoint that was disabled by what it answered. */
export interface Disabled {
  endpoint: string
  owner: string
  url: string
  why: string
}

export interface Delivering {
  client: Client
  userAgent: string
  timeout: Duration
  /** An endpoint is disabled when nothing has arrived for so long, over so many attempts. */
  disableAfter: { time: Duration; attempts: number }
  tellDisabled(disabled: Disabled, tx: Within): Promise<void>
}

interface Context {
  input: { delivery: string; again?: boolean }
  db: Asks & { transaction<T>(fn: (tx: Within) => Promise<T>): Promise<T> }
  vault: Vault
  signal: AbortSignal
  now(): Date
}

/** Throws TF_WEBHOOK_FAILED when it did not arrive; the job's schedule decides what comes next. */
export async function deliver({ input, db, vault, signal, now }: Context, parts: Delivering): Promise<object> {
  const due = await find(db, input.delivery)
  if (!due) return { skipped: 'the endpoint is gone' }
  if (due.disabled) return { skipped: 'the endpoint is disabled' }
  if (due.delivered && !input.again) return { skipped: 'it has arrived' }
  const secrets = [due.secret, ...(due.old_secret === null ? [] : [due.old_secret])].map((one) => vault.open(one))
  const attempt = await post(due, secrets, parts, signal, now)
  const disabled = await db.transaction(async (tx) => {
    const why = await record(tx, due, attempt, parts)
    if (why !== undefined) await parts.tellDisabled({ endpoint: due.endpoint, owner: due.owner, url: due.url, why }, tx)
    return why !== undefined
  })
  if (attempt.problem === undefined) return { status: attempt.status }
  const { problem, gone, retryAfterMs } = attempt
  throw WebhookFailed({ endpoint: due.endpoint, problem, gone: gone || disabled, retryAfterMs })
}

async function find(db: Asks, delivery: string): Promise<Due | undefined> {
  const { rows } = await db.sql<Due>`
    select d.id as delivery, m.body, m.id as message, e.id as endpoint, e.owner, e.url, e.secret,
           case when e.old_secret_until > now() then e.old_secret end as old_secret,
           d.delivered_at is not null as delivered, e.disabled_at is not null as disabled
      from webhook_delivery d
      join webhook_message m on m.id = d.message_id
      join webhook_endpoint e on e.id = d.endpoint_id
     where d.id = ${delivery}::uuid`
  return rows[0]
}

async function post(
  { url, body, message }: Due,
  secrets: readonly string[],
  { client, userAgent, timeout }: Delivering,
  signal: AbortSignal,
  now: () => Date,
): Promise<Attempt> {
  const signed = signWebhook(secrets, { id: webhookIdOf(message), at: now(), body })
  try {
    const reply = await client.post(url, {
      headers: { 'content-type': 'application/json', 'user-agent': userAgent, ...signed },
      body,
      timeout,
      deadline: timeout,
      maxBytes: READ,
      cut: true,
      signal,
    })
    const { status } = reply
    if (status >= 200 && status < 300) return { status, problem: undefined, answer: null, gone: false, retryAfterMs: 0 }
    return {
      status,
      problem:
        status >= 300 && status < 400 ? `it answered ${status}; redirects are not followed.` : `it answered ${status}.`,
      answer: reply.text().replaceAll('\0', '').slice(0, KEPT),
      gone: status === 410,
      retryAfterMs: retryAfterMs(reply.headers['retry-after'], now().getTime()),
    }
  } catch (error) {
    // The process stops or the job was cancelled: that says nothing about the endpoint.
    if (signal.aborted) throw error
    return { status: null, problem: messageOf(error).slice(0, KEPT), answer: null, gone: false, retryAfterMs: 0 }
  }
}

/** Gives why the endpoint was disabled by this attempt, if it was. */
async function record(
  tx: Asks,
  { delivery, endpoint }: Due,
  { status, problem, answer, gone }: Attempt,
  { disableAfter }: Delivering,
): Promise<string | undefined> {
  const arrived = problem === undefined
  await tx.sql`
    update webhook_delivery
       set attempts = attempts + 1, status = ${status}, problem = ${problem ?? null}, answer = ${answer},
           attempted_at = now(), delivered_at = case when ${arrived} then now() else delivered_at end
     where id = ${delivery}::uuid`
  if (arrived) {
    await tx.sql`update webhook_endpoint set failures = 0, failing_since = null where id = ${endpoint}::uuid and failures > 0`
    return undefined
  }
  const why = gone ? 'It answered 410: it is gone.' : `Nothing has arrived since its first failure. Last: ${problem}`
  const { rows } = await tx.sql<{ disabled: boolean }>`
    update webhook_endpoint
       set failures = failures + 1, failing_since = coalesce(failing_since, now()),
           disabled_at = case when failed.enough then now() end, disabled_why = case when failed.enough then ${why} end
      from (select id, ${gone}::boolean or (failures + 1 >= ${disableAfter.attempts}
                   and coalesce(failing_since, now()) <= now() - ${toMs(disableAfter.time)}::float8 * interval '1 ms') as enough
              from webhook_endpoint where id = ${endpoint}::uuid for update) failed
     where webhook_endpoint.id = failed.id and disabled_at is null
     returning failed.enough as disabled`
  return rows[0]?.disabled ? why : undefined
}
