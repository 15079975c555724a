/** The app in which faults are planted: each of its routes is one of them, or light. */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { app, defineModule, tables, type Db } from 'tenfold'
import { z } from 'zod'

interface Tables {
  item: { id: number; owner: number; amount: number; note: string }
  counter: { id: number; n: number }
  churn: { id: number; n: number }
  entry: { n: number }
}
const m = defineModule('work', {
  tables: tables<Tables>(),
  settings: z.object({ PARTNER_URL: z.string().default(''), OUTSIDE_DATABASE_URL: z.string().default('') }),
})
const open = { auth: 'public', reply: z.unknown() } as const

const light = m.route('GET /light', {
  ...open,
  handler: async ({ db }) => {
    const one = await db.selectFrom('item').select('amount').where('id', '=', randomInt(150_000)).executeTakeFirst()
    await db.selectFrom('counter').select('n').where('id', '=', 2).execute()
    return { amount: one?.amount ?? 0 }
  },
})

const search = m.route('GET /search', {
  ...open,
  handler: ({ db }) => db.selectFrom('item').select(['id', 'amount']).where('owner', '=', randomInt(20_000)).execute(),
})

const list = m.route('GET /list', {
  ...open,
  handler: async ({ db }) => {
    const rows = await db.selectFrom('item').select('id').where('id', '<=', 60).execute()
    const all = []
    for (const { id } of rows)
      all.push(await db.selectFrom('item').select('note').where('id', '=', id).executeTakeFirst())
    return { all: all.length }
  },
})

const compute = m.route('GET /compute', { ...open, handler: async () => ({ n: burn(22) }) })

const report = m.route('GET /report', { ...open, handler: async () => ({ n: burn(700) }) })

const partner = m.route('GET /partner', {
  ...open,
  handler: async ({ settings }) => ({ answer: await (await fetch(settings.PARTNER_URL)).text() }),
})

/** The same inside of a transaction, which holds its connection meanwhile. */
const bound = m.route('GET /bound', {
  ...open,
  handler: ({ db, settings }) =>
    db.transaction(async (tx) => {
      await tx.selectFrom('counter').select('n').where('id', '=', 2).execute()
      return { answer: await (await fetch(settings.PARTNER_URL)).text() }
    }),
})

const hot = m.route('GET /hot', {
  ...open,
  handler: ({ db }) =>
    db.transaction(async (tx) => {
      await tx
        .updateTable('counter')
        .set({ n: randomInt(1000) })
        .where('id', '=', 1)
        .execute()
      await tx.sql`select pg_sleep(0.03)`
      return { done: true }
    }),
})

const forgetful = m.route('GET /forgetful', {
  ...open,
  handler: ({ db }) =>
    db.transaction(async (tx) => {
      await tx
        .updateTable('counter')
        .set({ n: randomInt(1000) })
        .where('id', '=', 1)
        .execute()
      await sleep(2800)
      return { done: true }
    }),
})

const count = m.route('GET /count', {
  ...open,
  handler: async ({ db }) => {
    await db.updateTable('counter').set({ n: 1 }).where('id', '=', 1).execute()
    return { done: true }
  },
})

const short = m.route('GET /short', {
  ...open,
  handler: async ({ db }) => {
    await db.sql`select pg_sleep(0.03)`
    return { done: true }
  },
})

/** Each asks for something else, so that nothing can be kept. */
const sums = m.route('GET /sums', {
  ...open,
  handler: async ({ db }) => {
    const to = 150_000 + randomInt(50_000)
    const { rows } = await db.sql<{ n: number }>`select sum(n % 7)::int as n from generate_series(1, ${to}::int) n`
    return rows[0]!
  },
})

/** Costs the server ten milliseconds, whichever it is of. */
async function figures(db: Pick<Db<Tables>, 'sql'>, product: number): Promise<{ n: number }> {
  const { rows } = await db.sql<{ n: number }>`
    select sum(n % 7)::int as n from generate_series(1, 100000) n where n <> ${product}::int`
  return rows[0]!
}
const product = m.route('GET /product', { ...open, handler: ({ db }) => figures(db, randomInt(1_000_000)) })
/** Three of four look at the same one. */
const famous = m.route('GET /famous', {
  ...open,
  handler: ({ db }) => figures(db, randomInt(4) > 0 ? 7 : randomInt(1_000_000)),
})
/** All look at some of the same forty. */
const catalog = m.route('GET /catalog', { ...open, handler: ({ db }) => figures(db, randomInt(40)) })

const best = async (db: Pick<Db<Tables>, 'sql'>): Promise<{ n: number }> => {
  const { rows } = await db.sql<{ n: number }>`select sum(n % 7)::int as n from generate_series(1, 700000) n`
  return rows[0]!
}
/** Kept by hand: when it is too old, everybody who finds it so loads it. */
const kept = { at: 0, value: { n: 0 } }
const popular = m.route('GET /popular', {
  ...open,
  handler: async ({ db }) => {
    if (Date.now() - kept.at > 1200) Object.assign(kept, { value: await best(db), at: Date.now() })
    return kept.value
  },
})
/** The same, kept by the framework. */
const bestKept = m.cache('best', { ttl: '1200ms', staleFor: '1m', load: (_key: string, { db }) => best(db) })
const popularKept = m.route('GET /popular-kept', { ...open, handler: () => bestKept.get('all') })

const pages = ['a', 'b', 'c'].map((name) =>
  m.route(`GET /page/${name}`, {
    ...open,
    handler: async ({ db }) => {
      const one = await db.selectFrom('item').select('amount').where('id', '=', randomInt(150_000)).executeTakeFirst()
      return { amount: one?.amount ?? 0, n: burn(2) }
    },
  }),
)

const write = m.route('GET /write', {
  ...open,
  handler: async ({ db }) => {
    await db
      .insertInto('entry')
      .values({ n: randomInt(1000) })
      .execute()
    return { done: true }
  },
})

const touch = m.route('GET /touch', {
  ...open,
  handler: async ({ db }) => {
    await db
      .updateTable('counter')
      .set({ n: 1 })
      .where('id', '=', 3 + randomInt(17))
      .execute()
    return { done: true }
  },
})

const linger = m.route('GET /linger', {
  ...open,
  handler: async ({ db }) => {
    await db.sql`select pg_sleep(0.5)`
    return { done: true }
  },
})

const everything = m.route('GET /everything', {
  ...open,
  handler: ({ db }) => db.selectFrom('item').selectAll().where('id', '<=', 6000).execute(),
})

const stranger = m.route('GET /stranger', {
  ...open,
  handler: async ({ settings }) => {
    const client = new pg.Client({ connectionString: settings.OUTSIDE_DATABASE_URL })
    await client.connect()
    const { rows } = await client.query<{ n: number }>('select 1 as n')
    await client.end()
    return rows[0]!
  },
})

const churning = m.route('GET /churning', {
  ...open,
  handler: async ({ db }) => {
    const { rows } = await db.sql<{ n: number }>`select sum(n)::int as n from churn`
    return rows[0]!
  },
})

const leak = m.route('GET /leak', {
  ...open,
  handler: async () => {
    const kept = ((globalThis as { kept?: unknown[][] }).kept ??= [])
    kept.push(Array.from({ length: 12_000 }, (_, i) => ({ i })))
    // Within seconds there would be hardly any collection, of which an app has many in an hour.
    if (kept.length % 15 === 0) globalThis.gc?.()
    return { kept: kept.length }
  },
})

const rare = m.cache('rare', {
  ttl: '10m',
  load: async (key: number, { db }) => {
    const { rows } = await db.sql<{ n: number }>`select ${key}::int as n from pg_sleep(0.2)`
    return rows[0]!
  },
})
const cached = m.route('GET /cached', { ...open, handler: async () => rare.get(randomInt(100_000)) })
const cachedWell = m.route('GET /cached-well', { ...open, handler: async () => rare.get(randomInt(3)) })

/** A tenth of a second of the server and more, each time another. */
const totals = m.route('GET /totals', {
  ...open,
  handler: async ({ db }) => {
    const to = 1_500_000 + randomInt(50_000)
    const { rows } = await db.sql<{ n: number }>`select max(n % 11)::int as n from generate_series(1, ${to}::int) n`
    return rows[0]!
  },
})

/** Neither a statement nor a call, and nothing to compute. */
const waits = m.route('GET /waits', {
  ...open,
  handler: async () => {
    await sleep(300)
    return { done: true }
  },
})

/** Two rows, in whichever order. */
const crossing = m.route('GET /crossing', {
  ...open,
  handler: ({ db }) =>
    db.transaction(async (tx) => {
      const [a, b] = randomInt(2) === 0 ? ([5, 6] as const) : ([6, 5] as const)
      const n = randomInt(1000)
      await tx.updateTable('counter').set({ n }).where('id', '=', a).execute()
      await tx.sql`select pg_sleep(0.01)`
      await tx.updateTable('counter').set({ n }).where('id', '=', b).execute()
      return { done: true }
    }),
})

const listJob = m.job('list', {
  input: z.object({}),
  run: async ({ db }) => {
    const rows = await db.selectFrom('item').select('id').where('id', '<=', 60).execute()
    for (const { id } of rows) await db.selectFrom('item').select('note').where('id', '=', id).executeTakeFirst()
  },
})
const enqueueList = m.route('GET /enqueue-list', { ...open, handler: async () => ({ id: await listJob.enqueue({}) }) })

const slowJob = m.job('slow', { input: z.object({}), run: () => sleep(200) })
const badJob = m.job('bad', {
  input: z.object({}),
  attempts: 20,
  backoff: { base: 50, max: 100 },
  run: async () => {
    await sleep(20)
    throw new Error('it never works')
  },
})
const grindJob = m.job('grind', { input: z.object({}), run: async () => work(60) })
const enqueueGrind = m.route('GET /grind', { ...open, handler: async () => ({ id: await grindJob.enqueue({}) }) })
const enqueue = m.route('GET /enqueue', { ...open, handler: async () => ({ id: await slowJob.enqueue({}) }) })
const enqueueBad = m.route('GET /enqueue-bad', { ...open, handler: async () => ({ id: await badJob.enqueue({}) }) })

/** Runs of the cron that only one scenario starts: others have no process with that role. */
const nightly = m.cron('nightly', '*/4 * * * * *', {
  run: async ({ db }) => {
    await Promise.all(Array.from({ length: 14 }, () => db.sql`select sum(n % 7) from generate_series(1, 2000000) n`))
  },
})

const built = m.build({
  parts: [
    ...[light, search, list, compute, report, partner, bound, hot, forgetful, count, short, sums, everything, stranger],
    ...[churning, leak, rare, cached, cachedWell, slowJob, badJob, enqueue, enqueueBad, nightly],
    ...[
      product,
      famous,
      catalog,
      popular,
      popularKept,
      bestKept,
      write,
      touch,
      linger,
      grindJob,
      enqueueGrind,
      totals,
      waits,
      crossing,
      listJob,
      enqueueList,
      ...pages,
    ],
  ],
  migrations: new URL('./migrations/', import.meta.url),
})

export default app({ name: 'advised', modules: [built] })

/** As `burn`, in time of the processor: it takes longer where others want it, too. */
function work(ms: number): void {
  const before = process.cpuUsage()
  for (let spent = before; spent.user - before.user < ms * 1000; spent = process.cpuUsage()) burn(1)
}

function burn(ms: number): number {
  const until = performance.now() + ms
  let n = 0
  while (performance.now() < until) n++
  return n
}
