import { html, mailer, template } from 'tenfold/mail'
import { z } from 'zod'
import { auth } from '../auth/contract.ts'
import { Order, orders } from '../orders/contract.ts'
import { m } from './kit.ts'
import { euros, receiptPdf } from './receipt.ts'

export const mail = mailer(m, {
  smtp: ({ SMTP_URL }) => ({ url: SMTP_URL }),
  from: ({ MAIL_FROM }) => MAIL_FROM,
  templates: {
    welcome: ({ name }: { name: string }) => ({
      subject: 'Welcome to the shop',
      text: `Hello ${name},\n\nwelcome to the shop. Your account is ready.\n`,
      html: html`<p>Hello ${name},</p>
        <p>welcome to the shop. Your account is ready.</p>`,
    }),
    receipt: template(z.object({ name: z.string(), order: Order }), async ({ name, order }) => ({
      subject: `Your order ${numberOf(order.id)}`,
      text: `Hello ${name},\n\nthank you for your order over ${euros(order.total)}. The receipt is attached.\n`,
      attachments: [
        {
          filename: `receipt-${numberOf(order.id)}.pdf`,
          content: await receiptPdf(order),
          contentType: 'application/pdf',
        },
      ],
    })),
    refund: ({ name, orderId, total }: { name: string; orderId: string; total: number }) => ({
      subject: `Your money for order ${numberOf(orderId)}`,
      text: `Hello ${name},\n\nwe have sent ${euros(total)} back to your card.\n`,
    }),
  },
})

export const welcome = m.on(auth.events.registered, 'mail-welcome', {
  run: ({ event: { userId, email, name } }) => mail.send('welcome', { to: email, name, data: { name }, key: userId }),
})

export const receipt = m.on(orders.events.paid, 'mail-receipt', {
  async run({ event: { orderId, userId }, call }) {
    const [order, [person]] = await Promise.all([
      call.orders.orderById({ id: orderId }),
      call.auth.peopleByIds({ ids: [userId] }),
    ])
    if (!order || !person) return
    const { email, name } = person
    await mail.send('receipt', { to: email, name, data: { name, order }, key: orderId })
  },
})

export const refund = m.on(orders.events.refunded, 'mail-refund', {
  async run({ event: { orderId, userId, total }, call }) {
    const [person] = await call.auth.peopleByIds({ ids: [userId] })
    if (!person) return
    const { email, name } = person
    await mail.send('refund', { to: email, name, data: { name, orderId, total }, key: orderId })
  },
})

function numberOf(orderId: string): string {
  return orderId.slice(-8)
}
