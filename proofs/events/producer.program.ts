/** Publishes with transactions that commit and with some that are rolled back, until it is asked to stop or killed. */
import proof, { happened, planted } from './app.ts'
import { randomFrom } from '../jobs/random.ts'

const random = randomFrom(Number(process.env.SEED))
const instance = await proof.start({ roles: [] })
const db = instance.db<object>('source')
const stop = new AbortController()
process.stdin.resume().on('end', () => stop.abort())
process.stdout.write('ready\n')

/** How many events of each key are committed: nobody else uses these keys. */
const counts = new Map<string, number>()
let generation = 0

async function publish(): Promise<void> {
  const key = `${process.pid}-${generation}-${random.whole(0, 4)}`
  const n = counts.get(key) ?? 0
  const event = { key, n, marker: `${key}-${n}`, poison: random.whole(0, 60) === 0 }
  await db.transaction(async (tx) => {
    await happened.publish(event, { tx, key })
    await tx.sql`insert into promise (marker, key, n, poison) values (${event.marker}, ${key}, ${n}, ${event.poison})`
  })
  counts.set(key, n + 1)
}

/** So many at once that they share rows on their way. */
async function publishCrowd(): Promise<void> {
  const crowd = `${process.pid}-${generation}-crowd-${random.next()}`
  const events = Array.from({ length: 60 }, (_, i) => {
    const marker = `${crowd}-${i}`
    return { key: marker, n: 0, marker, poison: random.whole(0, 60) === 0 }
  })
  await db.transaction(async (tx) => {
    await Promise.all(events.map((event) => happened.publish(event, { tx })))
    await tx.sql`
      insert into promise (marker, key, n, poison) select marker, marker, 0, poison
      from unnest(${events.map(({ marker }) => marker)}::text[], ${events.map(({ poison }) => poison)}::boolean[]) as p (marker, poison)`
  })
}

async function publishInVain(): Promise<void> {
  const marker = `never-${process.pid}-${random.next()}`
  const event = { key: marker, n: 0, marker, poison: false }
  await db.sql`insert into never (marker) values (${marker})`
  if (planted('outside')) await db.transaction((tx) => happened.publish(event, { tx }))
  const rolledBack = db.transaction(async (tx) => {
    await happened.publish(event, { tx })
    throw new Error('rolled back on purpose')
  })
  await rolledBack.catch(() => {})
}

while (!stop.signal.aborted) {
  const turn = random.whole(0, 99)
  const act = turn < 10 ? publishInVain : turn === 99 ? publishCrowd : publish
  // With the database away nobody knows whether a commit was done: these keys are not used again.
  await instance.run(act).catch(async () => {
    generation++
    await new Promise((resolve) => setTimeout(resolve, 100))
  })
  await new Promise((resolve) => setTimeout(resolve, random.next() * 2 * Number(process.env.PAUSE_MS)))
}
await instance.stop()
process.exit()
