/** A module that publishes and one that listens: plainly, in order, exactly once, and with an error for some events. */
import { app, contract, defineModule, type Db } from 'tenfold'
import { z } from 'zod'

const Happened = z.object({ marker: z.string(), key: z.string(), n: z.number(), poison: z.boolean() })
type Happened = z.output<typeof Happened>

/** Faults to plant, to see that the proof finds them:
 *    drop      a subscriber forgets some events
 *    outside   what is rolled back was published in a transaction of its own
 *    jumble    the subscriber that needs order is not ordered
 *    again     the subscriber that counts does not look whether it had the event already, and fails once after it has counted */
export const PLANTS = ['drop', 'outside', 'jumble', 'again'] as const

export function planted(plant: (typeof PLANTS)[number]): boolean {
  return (process.env.PLANT ?? '').split(',').includes(plant)
}

export const SUBSCRIBERS = ['each', 'in-order', 'counted', 'fragile'] as const

export const source = contract('source', {}, { happened: Happened })
const publisher = defineModule('source')
export const happened = publisher.event(source.events.happened)

const m = defineModule('sink', { uses: { source } })
const retries = { attempts: 12, backoff: { base: '20ms', max: '200ms' } } as const

const each = m.on(source.events.happened, 'each', {
  ...retries,
  async run({ event, db }) {
    if (planted('drop') && event.n % 7 === 3) return
    await note(db, 'each', event)
  },
})

const inOrder = m.on(source.events.happened, 'in-order', {
  ...retries,
  ordered: !planted('jumble'),
  once: true,
  async run({ event, tx, attempt }) {
    // Some fail at first: those behind them have to wait.
    if (event.n % 5 === 2 && attempt === 1) throw new Error('fails once, as planned')
    await tx.sql`select pg_sleep(${(event.n % 3) * 0.004})`
    await tx.sql`insert into got (subscriber, marker, key, n) values ('in-order', ${event.marker}, ${event.key}, ${event.n})`
  },
})

const counted = m.on(
  source.events.happened,
  'counted',
  planted('again')
    ? {
        ...retries,
        async run({ event, db, attempt }) {
          await note(db, 'counted', event)
          if (event.n % 7 === 3 && attempt === 1) throw new Error('fails after it has counted')
        },
      }
    : {
        ...retries,
        once: true,
        async run({ event, tx }) {
          await tx.sql`insert into got (subscriber, marker, key, n) values ('counted', ${event.marker}, ${event.key}, ${event.n})`
        },
      },
)

const fragile = m.on(source.events.happened, 'fragile', {
  attempts: 3,
  backoff: { base: '20ms', max: '50ms' },
  async run({ event, db }) {
    if (event.poison) throw new Error('cannot stand this event')
    await note(db, 'fragile', event)
  },
})

async function note(db: Db<object>, subscriber: string, { marker, key, n }: Happened): Promise<void> {
  await db.sql`insert into got (subscriber, marker, key, n) values (${subscriber}, ${marker}, ${key}, ${n})`
}

const folder = (name: string): URL => new URL(`./migrations/${name}/`, import.meta.url)

export default app({
  name: 'proof',
  modules: [
    publisher.build({ parts: [happened], migrations: folder('source') }),
    m.build({ parts: [each, inOrder, counted, fragile], migrations: folder('sink') }),
  ],
})
