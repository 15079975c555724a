/** What bounced mail does: to the row of its mail, and to whether its address is written to again. */
import { parseBounce, type Bounce } from '../mail/index.ts'
import { isUnknownPerson, mailIdIn } from './deliver.ts'
import { mailById, settle, suppress, type Asks, type SentMail } from './store.ts'

/** What an app is told. */
export interface Bounced {
  id: string
  template: string
  key: string
  recipient: string
  kind: Bounce['kind']
  /** What the other mail server said. */
  reason: string
  /** Nothing more is sent to this address. */
  suppressed: boolean
}

/** Undefined: it is no bounce, or of no mail of ours. Only what the addressee of a mail could have sent counts: it names
 *  an id that is random and was sent to nobody else, and it speaks for that address alone. */
export async function bounced<Tx extends Asks>(
  db: Asks & { transaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T> },
  raw: string | Uint8Array,
  recipient: string | undefined,
  tell: (bounced: Bounced, tx: Tx) => Promise<void>,
): Promise<Bounced | undefined> {
  const bounce = await parseBounce(raw)
  if (!bounce) return undefined
  const mail = await mailOfBounce(db, [recipient, ...bounce.recipients, bounce.messageId])
  if (!mail) return undefined
  const suppressed = bounce.kind === 'complaint' || (bounce.kind === 'failed' && isUnknownPerson(bounce.status))
  const { id, template, key, recipient: address, state } = mail
  const reason = [bounce.status, bounce.reason].filter(Boolean).join(' ') || 'No reason was given.'
  const what = { id, template, key, recipient: address, kind: bounce.kind, reason, suppressed }
  const next = bounce.kind === 'complaint' ? 'complained' : 'bounced'
  if (bounce.kind === 'delayed' || state === next) return what
  await db.transaction(async (tx) => {
    await settle(tx, id, next, reason)
    if (suppressed) await suppress(tx, address, reason)
    await tell(what, tx)
  })
  return what
}

async function mailOfBounce(db: Asks, names: (string | undefined)[]): Promise<SentMail | undefined> {
  for (const name of names) {
    const id = name && mailIdIn(name)
    const mail = id ? await mailById(db, id) : undefined
    if (mail) return mail
  }
  return undefined
}
