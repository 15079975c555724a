/** An app that sends mail, and as a program a worker of it. */
import { z } from 'zod'
import { html, mailer, template } from '../mailer/index.ts'
import { defineModule } from '../modules/index.ts'
import { app } from './index.ts'

const m = defineModule('post', { settings: z.object({ SMTP_URL: z.string(), DKIM_KEY: z.string().optional() }) })

export const mail = mailer(m, {
  smtp: ({ SMTP_URL, DKIM_KEY }) => ({
    url: SMTP_URL,
    connections: 2,
    ...(DKIM_KEY !== undefined && { dkim: { domain: 'shop.example', selector: 's1', privateKey: DKIM_KEY } }),
  }),
  from: 'The Shop <shop@shop.example>',
  bounces: 'bounces@mail.shop.example',
  schedule: ['20ms', '20ms'],
  rate: { max: 1000, per: '1s' },
  templates: {
    welcome: template(z.object({ name: z.string() }), ({ name }) => ({
      subject: `Welcome, ${name}`,
      text: `Hello ${name}!`,
      html: html`<p title="${name}">Hello ${name}!</p>
        ${[1, 2].map((n) => html`<b>${n}</b>`)}${false}${undefined}`,
      headers: { 'List-Unsubscribe': '<https://shop.example/stop>' },
    })),
    plain: ({ text }: { text: string }) => ({ subject: 'Plain', text, replyTo: 'ann@shop.example' }),
  },
})

/** What was told in this process. */
export const seen: string[] = []

const told = m.on(mail.events.bounced.shape, 'told', {
  run: async ({ event }) => void seen.push(`${event.recipient} ${event.kind} ${event.reason}`),
})

/** What handlers of an app would do, by name. */
const act = m.route('POST /act', {
  auth: 'public',
  body: z.object({ act: z.string(), given: z.any() }),
  reply: z.any(),
  async handler({ body: { act: what, given }, ...context }) {
    const acts: Record<string, () => Promise<unknown>> = {
      send: () => mail.send(given.template ?? 'plain', { data: { text: 'Hi' }, ...given }),
      abandon: () =>
        context.db.transaction(async (tx) => {
          await mail.send('plain', { data: { text: 'Hi' }, ...given }, { tx })
          throw new Error('rolled back')
        }),
      bounced: () => mail.bounced(context, given.raw, given),
      list: () => mail.list(context, given),
      suppressed: () => mail.suppressed.get(context, given.address),
      suppress: () => mail.suppressed.add(context, given.address, 'by hand'),
      unsuppress: () => mail.suppressed.remove(context, given.address),
      file: () => context.files.put(given.key, given.text, { contentType: 'text/csv' }),
    }
    return (await acts[what]!()) ?? null
  },
})

export const posting = app({ name: 'posting', modules: [m.build({ parts: [...mail.parts, told, act] })] })

if (import.meta.main) {
  await posting.start({ roles: ['worker'], config: { worker: { leaseMs: 1000 } } })
}
