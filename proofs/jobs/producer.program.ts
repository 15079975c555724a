/** Enqueues jobs and publishes events in every way there is, until it is asked to stop or killed. */
import type { Db, Instance } from 'tenfold'
import proof, { carried, flaky, keyed, noted, plain, planted, unique, type Input } from './app.ts'
import { randomFrom, type Random } from './random.ts'

type Act = (made: Made) => Promise<void>
interface Made {
  db: Db<object>
  random: Random
  marker: string
  input: Input
}

async function produce({ run, db }: Instance): Promise<void> {
  const pauseMs = Number(process.env.PAUSE_MS)
  for (let n = 0; !stop.signal.aborted; n++) {
    const marker = `${process.pid}-${process.env.SEED}-${n}`
    const made = { db: db<object>('work'), random, marker, input: { marker, ms: random.whole(0, 25) } }
    try {
      await run(() => random.pick(acts)(made))
    } catch (error) {
      // With the database away this one is not done; the next may be.
      if (error instanceof TypeError || error instanceof ReferenceError) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await new Promise((resolve) => setTimeout(resolve, random.next() * 2 * pauseMs))
  }
}

const inTransaction: Act = ({ db, marker, input }) =>
  db.transaction(async (tx) => {
    const id = await plain.enqueue(input, { tx })
    await tx.sql`insert into promise (marker, kind, job_id) values (${marker}, 'in a transaction', ${id})`
  })

const withoutTransaction: Act = async ({ db, marker, input }) => {
  const id = await plain.enqueue(input)
  await db.sql`insert into promise (marker, kind, job_id) values (${marker}, 'without one', ${id})`
}

const rolledBack: Act = async ({ db, marker, input }) => {
  await db.sql`insert into never (marker) values (${marker})`
  await refused(
    db.transaction(async (tx) => {
      await plain.enqueue(input, planted('outside') ? {} : { tx })
      await carried.enqueue(input, { tx })
      await noted.publish(input, { tx })
      throw new Error('rolled back on purpose')
    }),
  )
}

const uniqueKey: Act = ({ db, random, marker, input }) =>
  db.transaction(async (tx) => {
    const id = await unique.enqueue({ ...input, key: `unique-${random.whole(1, 4)}` }, { tx })
    await tx.sql`insert into promise (marker, kind, job_id) values (${marker}, 'unique key', ${id})`
  })

const delayed: Act = ({ db, random, marker, input }) =>
  db.transaction(async (tx) => {
    const ms = random.whole(100, 2500)
    const id = await plain.enqueue(input, { tx, delay: ms })
    await tx.sql`
      insert into promise (marker, kind, job_id, not_before)
      values (${marker}, 'delayed', ${id}, now() + ${ms} * interval '1 ms')`
  })

const failing: Act = ({ db, random, marker, input }) =>
  db.transaction(async (tx) => {
    const id = await flaky.enqueue({ ...input, failures: random.whole(1, 3) }, { tx })
    await tx.sql`insert into promise (marker, kind, job_id) values (${marker}, 'fails at first', ${id})`
  })

/** With hardly any work in each. While thousands wait, the workers are left to catch up. */
const inBulk: Act = async ({ db, random, marker }) => {
  if (await tooMuch()) return
  await db.transaction(async (tx) => {
    const inputs = Array.from({ length: 60 }, (_, i) => ({ marker: `${marker}-${i}`, ms: random.whole(0, 2) }))
    const redis = random.next() < 0.4
    const ids = await (redis ? carried : plain).enqueueMany(inputs, { tx })
    await tx.sql`
      insert into promise (marker, kind, job_id)
      select marker, ${redis ? 'in bulk, for Redis' : 'in bulk'}, id
      from unnest(${inputs.map((one) => one.marker)}::text[], ${ids}::bigint[]) p (marker, id)`
  })
}

const looked = { at: -Infinity, much: false }

async function tooMuch(): Promise<boolean> {
  if (performance.now() - looked.at > 2000) {
    const waiting = (await instance.queue.summary()).reduce((sum, row) => sum + row.waiting, 0)
    Object.assign(looked, { at: performance.now(), much: waiting > 5000 })
  }
  return looked.much
}

const forRedis: Act = ({ db, marker, input }) =>
  db.transaction(async (tx) => {
    const id = await carried.enqueue(input, { tx })
    await tx.sql`insert into promise (marker, kind, job_id) values (${marker}, 'for Redis', ${id})`
  })

/** Several at once, or there would be nothing to hold back. */
const perKey: Act = ({ db, random, marker, input }) =>
  db.transaction(async (tx) => {
    const key = `key-${random.whole(1, 3)}`
    const inputs = Array.from({ length: 4 }, (_, i) => ({ ...input, marker: `${marker}-${i}`, ms: 30, key }))
    const ids = await keyed.enqueueMany(inputs, { tx })
    await tx.sql`
      insert into promise (marker, kind, job_id)
      select marker, 'concurrency key', id from unnest(${inputs.map((one) => one.marker)}::text[], ${ids}::bigint[]) p (marker, id)`
  })

const event: Act = ({ db, marker, input }) =>
  db.transaction(async (tx) => {
    await noted.publish(input, { tx })
    await tx.sql`insert into promise (marker, kind) values (${marker}, 'event')`
  })

async function refused(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => {})
}

const acts = [
  inTransaction,
  forRedis,
  withoutTransaction,
  rolledBack,
  uniqueKey,
  delayed,
  failing,
  perKey,
  event,
  ...Array<Act>(Number(process.env.BULK)).fill(inBulk),
]

const random = randomFrom(Number(process.env.SEED))
const instance = await proof.start({ roles: [] })
const stop = new AbortController()
process.stdin.resume().on('end', () => stop.abort())
process.stdout.write('ready\n')
await produce(instance)
await instance.stop()
process.exit()
