import type { Db } from 'tenfold'
import { z } from 'zod'
import { billing } from './contract.ts'
import { m } from './kit.ts'
import { cardOf } from './provider.ts'
import type { BillingTables } from './tables.gen.ts'

export const suspected = m.event(billing.events.suspected)

export const fraudRate = m.metric('fraud_rate', { kind: 'ratio', help: 'Orders that look like fraud, of all scored.' })

/** Looks at an order from several sides. It asks another module and the provider, which is why it is nobody's request. */
export const scoreOrder = m.job('score-order', {
  input: z.object({ orderId: z.uuid() }),
  attempts: 8,
  priority: -10,
  unique: ({ orderId }) => orderId,
  async run({ input: { orderId }, db, call, settings, now }) {
    const payment = await db.selectFrom('payments').selectAll().where('order_id', '=', orderId).executeTakeFirst()
    if (!payment) return
    const [[person], recent, card] = await Promise.all([
      call.auth.peopleByIds({ ids: [payment.user_id] }),
      recentPayments(db, payment.user_id),
      cardOf(payment.card),
    ])
    const { score, reasons } = judge({
      total: payment.amount,
      ordersLastHour: recent.lastHour,
      spentToday: recent.spentToday,
      accountAgeHours: person ? (now().getTime() - Date.parse(person.since)) / 3_600_000 : 0,
      mailDomain: person?.email.split('@')[1] ?? '',
      countries: [payment.country, card.country],
    })
    const isFraud = score >= settings.FRAUD_THRESHOLD
    await db.transaction(async (tx) => {
      const { numInsertedOrUpdatedRows } = await tx
        .insertInto('fraud_scores')
        .values({ order_id: orderId, score, reasons })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow()
      if (!numInsertedOrUpdatedRows) return
      if (isFraud) await suspected.publish({ orderId, score, reasons }, { tx })
      tx.afterCommit(() => fraudRate.record(isFraud))
    })
  },
})

async function recentPayments(db: Db<BillingTables>, userId: string) {
  const { rows } = await db.sql<{ lastHour: number; spentToday: number }>`
    select count(*) filter (where created_at > now() - interval '1 hour') as "lastHour",
           coalesce(sum(amount) filter (where state <> 'declined'), 0)::bigint as "spentToday"
    from payments where user_id = ${userId} and created_at > now() - interval '1 day'`
  return rows[0]!
}

interface Facts {
  /** In cents, as is `spentToday`. */
  total: number
  ordersLastHour: number
  spentToday: number
  accountAgeHours: number
  mailDomain: string
  /** Where it goes, and where the card is from. */
  countries: [string, string]
}

const RULES: { reason: string; points: number; holds(facts: Facts): boolean }[] = [
  { reason: 'large order', points: 25, holds: (f) => f.total >= 100_000 },
  { reason: 'large order of a new account', points: 25, holds: (f) => f.total >= 30_000 && f.accountAgeHours < 24 },
  { reason: 'many orders within an hour', points: 30, holds: (f) => f.ordersLastHour > 10 },
  { reason: 'much spent today', points: 15, holds: (f) => f.spentToday >= 300_000 },
  { reason: 'card of another country', points: 30, holds: (f) => f.countries[0] !== f.countries[1] },
  { reason: 'throw-away mail address', points: 25, holds: (f) => THROW_AWAY.has(f.mailDomain) },
]

const THROW_AWAY = new Set(['mailinator.com', 'guerrillamail.com', '10minutemail.com', 'trashmail.com'])

/** Points from 0 to 100, and what they are for. */
export function judge(facts: Facts): { score: number; reasons: string[] } {
  const held = RULES.filter((rule) => rule.holds(facts))
  const points = held.reduce((sum, rule) => sum + rule.points, 0)
  return { score: Math.min(100, points), reasons: held.map((rule) => rule.reason) }
}
