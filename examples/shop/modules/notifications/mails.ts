import { auth } from '../auth/contract.ts'
import { orders } from '../orders/contract.ts'
import { m } from './kit.ts'
import { sendOnce } from './mail.ts'
import { euros, receiptPdf } from './receipt.ts'

const PATIENT = { attempts: 10, backoff: { base: '1s', max: '30m' }, timeout: '1m' } as const

export const welcome = m.on(auth.events.registered, 'mail-welcome', {
  ...PATIENT,
  async run({ event, ...context }) {
    const text = `Hello ${event.name},\n\nwelcome to the shop. Your account is ready.\n`
    await sendOnce(
      { kind: 'welcome', key: event.userId, to: event.email, subject: 'Welcome to the shop', text },
      context,
    )
  },
})

export const receipt = m.on(orders.events.paid, 'mail-receipt', {
  ...PATIENT,
  async run({ event, call, ...context }) {
    const [order, [person]] = await Promise.all([
      call.orders.orderById({ id: event.orderId }),
      call.auth.peopleByIds({ ids: [event.userId] }),
    ])
    if (!order || !person) return
    const number = order.id.slice(-8)
    await sendOnce(
      {
        kind: 'receipt',
        key: order.id,
        to: person.email,
        subject: `Your order ${number}`,
        text: `Hello ${person.name},\n\nthank you for your order over ${euros(order.total)}. The receipt is attached.\n`,
        attachments: [
          { filename: `receipt-${number}.pdf`, content: await receiptPdf(order), contentType: 'application/pdf' },
        ],
      },
      context,
    )
  },
})

export const refund = m.on(orders.events.refunded, 'mail-refund', {
  ...PATIENT,
  async run({ event, call, ...context }) {
    const [person] = await call.auth.peopleByIds({ ids: [event.userId] })
    if (!person) return
    const text = `Hello ${person.name},\n\nwe have sent ${euros(event.total)} back to your card.\n`
    const subject = `Your money for order ${event.orderId.slice(-8)}`
    await sendOnce({ kind: 'refund', key: event.orderId, to: person.email, subject, text }, context)
  },
})
