/** Mail of a module: templates, a queue in front of the mail server, and what bounces.
 *
 *    send ── tx ──> job ── rate ──> template ──> SMTP ── 2xx ──> sent ── bounce ──> bounced
 *                    ^                             |── 4xx, no connection: again by the schedule
 *                    |_____________________________|── 5xx: refused, a dead letter with what the server said
 *
 *  E1  A mail is sent if and only if the transaction of `send` commits.
 *  E2  For one template and key, nobody gets two mails: what counts as sent is not sent again. One gap remains, since SMTP knows
 *      no transactions: the server has taken the mail, and the process dies before that is written down. Then it goes out
 *      again under the same Message-ID, by which mail programs know a duplicate.
 *  E3  What the server refuses for good (5xx) is not tried again; everything else is, over days (RFC 5321, 4.5.4.1).
 *  E4  Over all processes, at most `rate.max` mails go out in any time of the length `rate.per`.
 *  E5  Nothing is sent to an address that is suppressed: one that does not exist, or whose owner complained.
 *  E6  With several recipients, all of this holds for each of them: what one server refuses reaches the others.
 *  E7  What a template puts into HTML is escaped. No data can name a file or URL that is then read. */
import { randomUUID } from 'node:crypto'
import { schemaOf, toMs, type Duration } from '../kernel/index.ts'
import type { SqlTransaction } from '../database/index.ts'
import type { AnyContract, EventDefinition, Kit, Part } from '../modules/index.ts'
import {
  MailAddress,
  MailInvalid,
  MailRecipients,
  MailRefused,
  MailTemplate,
  openSmtp,
  type SmtpSettings,
} from '../mail/index.ts'
import { giveUp } from '../queue/index.ts'
import { bounced, type Bounced } from './bounced.ts'
import { deliver, type Order, type Sender } from './deliver.ts'
import {
  clean,
  listMails,
  mailById,
  suppress,
  suppressedSince,
  unsuppress,
  type Asks,
  type MailContext,
  type SentMail,
} from './store.ts'
import { checkedData, type DataOf, type Templates } from './template.ts'

export interface MailerOptions<S, T extends Templates> {
  /** The mail server. In development SMTP_URL leads to one that keeps all mail for the console.
   *  @example smtp: ({ SMTP_URL }) => ({ url: SMTP_URL, connections: 3 }) */
  smtp(settings: S): SmtpSettings
  /** `Shop <shop@example.com>`; its domain is also that of the Message-IDs. */
  from: string | ((settings: S) => string)
  templates: T
  /** Where bounces go: a mailbox that takes `+` addresses, since each mail gets one of its own. Defaults to `from`. */
  bounces?: string | ((settings: S) => string | undefined)
  /** What the provider allows, over all processes. Defaults to no bound. */
  rate?: { max: number; per: Duration }
  /** The pauses after each failed attempt; after the last one the mail is a dead letter. Defaults to 1, 5, 15 and 30 minutes, 1, 2,
   *  4, 8 and 12 hours, and then three times a day: four and a half days in all. */
  schedule?: readonly Duration[]
  /** Encrypts the data of mails that wait, as `encrypt` of a job. Defaults to false. */
  encrypt?: boolean
  /** How long it is remembered which mails were sent. Defaults to 90 days. */
  keep?: Duration
}

export interface Sending<Data> {
  /** An address without a name, or several: each is sent a copy of its own, with all of `to` and `cc` in its head. */
  to: string | readonly string[]
  cc?: readonly string[]
  /** Nobody else sees these. */
  bcc?: readonly string[]
  /** The name of whoever it is, where there is one address in `to`. */
  name?: string
  data: Data
  /** Together with the template the identity of the mail: nobody gets the same one twice. Defaults to a new one.
   *  @example key: orderId */
  key?: string
  /** Files of the module's storage; 20 MiB in all. */
  attachments?: readonly { filename: string; file: string; contentType?: string }[]
}

export interface Mailer<Name extends string, T extends Templates> {
  /** For `m.build({ parts })`. */
  readonly parts: readonly Part<Name>[]
  /** Hands a mail to the workers: the id of its job, or with several recipients of the first one's. Inside an open transaction `tx` must be given.
   *  @example await mail.send('receipt', { to: person.email, data: { orderId }, key: orderId }, { tx }) */
  send<Template extends keyof T & string>(
    template: Template,
    mail: Sending<DataOf<T[Template]>>,
    options?: { tx?: SqlTransaction; delay?: Duration; priority?: number },
  ): Promise<string>
  /** Takes a mail that came back, whole as it was received: from a route that your provider posts to, or a program that a mail
   *  server pipes into. Needs the npm package `postal-mime`.
   *  @param options.recipient the address that it came to, where that is known apart from the headers
   *  @example handler: ({ request, ...context }) => mail.bounced(context, request.rawBody) */
  bounced(
    context: { readonly db: Transacting },
    raw: string | Uint8Array,
    options?: { recipient?: string },
  ): Promise<Bounced | undefined>
  /** Newest first; at most 1000. `limit` defaults to 100. */
  list(context: MailContext, of?: { recipient?: string; limit?: number }): Promise<SentMail[]>
  /** Who is not written to any more. */
  readonly suppressed: {
    get(context: MailContext, address: string): Promise<{ reason: string; since: Date } | undefined>
    add(context: MailContext, address: string, reason: string): Promise<void>
    /** False if it was not. */
    remove(context: MailContext, address: string): Promise<boolean>
  }
  readonly events: {
    /** A mail came back, or somebody complained of it. */
    readonly bounced: EventDefinition<Name, Bounced>
  }
}

/** A module's `db`. */
interface Transacting extends Asks {
  transaction<T>(fn: (tx: Asks & SqlTransaction) => Promise<T>): Promise<T>
}

const SCHEDULE: readonly Duration[] = ['1m', '5m', '15m', '30m', '1h', '2h', '4h', '8h', '12h', '24h', '24h', '24h']

const MailOrder = schemaOf<Order>(
  'a mail',
  ({ template, key, to }) => typeof template === 'string' && typeof key === 'string' && typeof to === 'string',
)
const BouncedMail = schemaOf<Bounced>('a bounced mail', ({ id, recipient }) => !!id && typeof recipient === 'string')

/** Mail of a module. Its tables come along with its parts.
 *  @example
 *  export const mail = mailer(m, {
 *    smtp: ({ SMTP_URL }) => ({ url: SMTP_URL }),
 *    from: 'Shop <shop@example.com>',
 *    templates: { welcome: ({ name }: { name: string }) => ({ subject: 'Welcome', text: `Hello ${name}!` }) },
 *  })
 *  export default m.build({ parts: [...mail.parts, …] }) */
export function mailer<
  Name extends string,
  Uses extends Record<string, AnyContract>,
  Tables extends object,
  S,
  const T extends Templates,
>(m: Kit<Name, Uses, Tables, S>, options: MailerOptions<S, T>): Mailer<Name, T> {
  const { templates, rate, schedule = SCHEDULE, encrypt, keep = '90d' } = options
  const smtp = m.resource('smtp', {
    open: ({ settings }) => openSmtp(options.smtp(settings)),
    close: (opened) => opened.close(),
  })
  const senderOf = (settings: S): Sender => {
    const { from, bounces } = options
    return {
      from: typeof from === 'function' ? from(settings) : from,
      bounces: typeof bounces === 'function' ? bounces(settings) : bounces,
    }
  }
  const sending = m.job('mail', {
    input: MailOrder,
    attempts: schedule.length + 1,
    engine: 'postgres',
    timeout: '2m',
    unique: ({ template, key }) => `${template} ${key}`,
    ...(rate && { rate }),
    ...(encrypt !== undefined && { encrypt }),
    retry: (error, attempt) =>
      MailRefused.is(error) || MailInvalid.is(error)
        ? 'stop'
        : pauseOf(schedule[Math.min(attempt, schedule.length) - 1]),
    async run(context) {
      const { template } = context.input
      if (!Object.hasOwn(templates, template)) throw MailTemplate({ template, known: Object.keys(templates) })
      return deliver(context, templates, await smtp.get(), senderOf(context.settings))
    },
  })
  const returned = m.event('mail-bounced', BouncedMail)
  // A job that does nothing but be a dead letter: there people look for what failed, and alerts do.
  const letters = m.job('mail-returned', {
    input: BouncedMail,
    attempts: 1,
    engine: 'postgres',
    unique: ({ id }) => id,
    async run({ input, db }) {
      const mail = await mailById(db, input.id)
      if (mail?.state !== 'bounced') return { since: mail?.state ?? 'forgotten' }
      throw giveUp(`The mail '${input.template}' to ${input.recipient} came back: ${input.reason}`)
    },
  })
  const cleaning = m.cron('mail-clean', '41 3 * * *', { run: ({ db }) => clean(db, toMs(keep)) })
  return {
    parts: [
      m.migrations('mail', new URL('./migrations/', import.meta.url)),
      smtp,
      sending,
      letters,
      returned,
      cleaning,
    ],
    async send(template, { key = randomUUID(), ...mail }, within = {}) {
      const of = Object.hasOwn(templates, template) ? templates[template] : undefined
      if (!of) throw MailTemplate({ template, known: Object.keys(templates) })
      const copies = copiesOf({ ...mail, template, key })
      await checkedData(template, of, mail.data)
      const ids = await sending.enqueueMany(copies, within)
      return ids[0]!
    },
    bounced: ({ db }, raw, { recipient } = {}) =>
      bounced(db, raw, recipient, async (what, tx: Asks & SqlTransaction) => {
        await returned.publish(what, { tx })
        if (what.kind === 'failed') await letters.enqueue(what, { tx })
      }),
    list: ({ db }, of) => listMails(db, of),
    suppressed: {
      get: ({ db }, address) => suppressedSince(db, address),
      add: ({ db }, address, reason) => suppress(db, address, reason),
      remove: ({ db }, address) => unsuppress(db, address),
    },
    events: { bounced: returned },
  }
}

const MOST_RECIPIENTS = 100

/** One for each recipient, since each server says yes or no for itself, and what bounces has to say whose it was. */
function copiesOf({
  to,
  cc = [],
  bcc = [],
  name,
  ...mail
}: Sending<unknown> & { template: string; key: string }): Order[] {
  const listed = typeof to === 'string' ? [to] : to
  const all = [...listed, ...cc, ...bcc]
  for (const address of all) if (!isAddress(address)) throw MailAddress({ address })
  if (listed.length === 0 || all.length > MOST_RECIPIENTS)
    throw MailRecipients({ to: listed.length, all: all.length, most: MOST_RECIPIENTS })
  const several = all.length > 1 && { heads: { to: listed, cc } }
  const byAddress = new Map(all.map((address) => [address.toLowerCase(), address]))
  return [...byAddress.values()].map((address, i) => ({
    ...mail,
    ...several,
    to: address,
    key: i === 0 ? mail.key : `${mail.key} to ${address.toLowerCase()}`,
    ...(name !== undefined && listed.length === 1 && { name }),
  }))
}

/** One address and nothing that a header could be made longer with. Whether it exists, its mail server says. */
function isAddress(address: string): boolean {
  return address.length <= 254 && /^[^\s@<>(),;:"\\[\]\p{Cc}]{1,64}@[^\s@<>(),;:"\\[\]\p{Cc}]+$/u.test(address)
}

/** A tenth longer or shorter, so that what failed together does not come back together. */
function pauseOf(pause: Duration = '24h'): number {
  return Math.round(toMs(pause) * (0.9 + Math.random() * 0.2))
}
