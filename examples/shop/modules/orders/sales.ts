import { z } from 'zod'
import { m } from './kit.ts'

/** The last three days, not only yesterday: refunds change what a day has earned. */
export const rollUpSales = m.cron('roll-up-sales', '10 0 * * *', {
  grace: '12h',
  async run({ db, fireAt }) {
    await db.sql`
      insert into sales_by_day (day, orders, revenue)
      select day::date, count(o.id), coalesce(sum(o.total), 0)
      from generate_series(${fireAt}::timestamptz::date - 3, ${fireAt}::timestamptz::date - 1, interval '1 day') day
      left join orders o on o.state in ('paid', 'refunding')
        and o.paid_at >= day at time zone 'UTC' and o.paid_at < (day + interval '1 day') at time zone 'UTC'
      group by day
      on conflict (day) do update set orders = excluded.orders, revenue = excluded.revenue`
  },
})

export const sales = m.route('GET /admin/sales', {
  summary: 'Orders and revenue of each day',
  auth: { role: 'admin' },
  query: z.object({ days: z.coerce.number().int().min(1).max(366).default(30) }),
  reply: z.array(z.object({ day: z.iso.date(), orders: z.int(), revenue: z.int() })),
  handler: ({ query: { days }, db }) =>
    db.selectFrom('sales_by_day').selectAll().orderBy('day', 'desc').limit(days).execute(),
})
