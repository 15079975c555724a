/** What is left when all is over: every order, its charge, its receipt, the jobs, the pictures. */
import pg from 'pg'
import type { Mailbox } from '../../examples/shop/tests/mailbox.ts'
import type { Visitor } from '../../examples/shop/tests/visitor.ts'
import type { Provider } from '../../examples/shop/payments/provider.ts'

export interface Counted {
  orders: number
  /** Accepted, and not there. */
  lost: number
  /** There, and neither paid nor refused. */
  undecided: number
  chargedTwice: number
  /** Paid orders without a charge, or charges without an order. */
  uncharged: number
  /** Paid orders whose customer has no receipt. */
  withoutReceipt: number
  /** Waiting or set aside as dead. */
  jobsLeft: number
  jobsDead: number
  picturesMissing: number
}

export interface CountOptions {
  databaseUrl: string
  accepted: ReadonlySet<string>
  pictured: ReadonlySet<Visitor>
  provider: Provider
  mailbox: Mailbox
  /** How long what waits may take: leases have to end, and retries have their pauses. */
  patienceMs: number
}

export async function count(options: CountOptions): Promise<Counted> {
  const { databaseUrl, accepted, pictured, provider, mailbox, patienceMs } = options
  const client = new pg.Client({ connectionString: databaseUrl })
  client.on('error', () => {})
  await client.connect()
  const rows = async <Row>(sql: string): Promise<Row[]> => (await client.query(sql)).rows as Row[]
  try {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const orders = await rows<{ id: string; state: string }>('select id::text, state from orders.orders')
      const [jobs] = await rows<{ left: number; dead: number }>(JOBS)
      const paid = orders.filter(({ state }) => state === 'paid')
      const receipts = new Set(
        mailbox.mails.filter((mail) => mail.subject?.startsWith('Your order')).map((mail) => mail.subject),
      )
      const missing = await picturesMissing(pictured)
      const ids = new Set(orders.map(({ id }) => id))
      const counted: Counted = {
        orders: orders.length,
        lost: [...accepted].filter((id) => !ids.has(id)).length,
        undecided: orders.length - paid.length,
        chargedTwice: provider.ledger.totals().chargedTwice,
        uncharged: Math.abs(provider.ledger.totals().charges - paid.length),
        withoutReceipt: paid.filter(({ id }) => !receipts.has(`Your order ${id.slice(-8)}`)).length,
        jobsLeft: jobs!.left,
        jobsDead: jobs!.dead,
        picturesMissing: missing,
      }
      const { orders: _, lost: _lost, chargedTwice: _twice, jobsDead: _dead, ...waits } = counted
      if (Object.values(waits).every((n) => n === 0) || Date.now() > deadline) return counted
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
  } finally {
    await client.end()
  }
}

/** Jobs that come later by themselves, such as crons, are none that wait. */
const JOBS = `
  select (select count(*)::int from tenfold.job where state <> 'delayed' or attempt > 0)
       + (select count(*)::int from tenfold.event_outbox) as left,
         (select count(*)::int from tenfold.job_dead) as dead`

async function picturesMissing(pictured: ReadonlySet<Visitor>): Promise<number> {
  let missing = 0
  for (const customer of pictured) {
    const { body } = await customer.get<{ state: string }>('/me/avatar').catch(() => ({ body: { state: 'unknown' } }))
    if (body.state !== 'ready') missing++
  }
  return missing
}
