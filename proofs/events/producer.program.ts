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
  const act = random.whole(0, 9) === 0 ? publishInVain : publish
  // With the database away nobody knows whether a commit was done: these keys are not used again.
  await instance.run(act).catch(async () => {
    generation++
    await new Promise((resolve) => setTimeout(resolve, 100))
  })
  await new Promise((resolve) => setTimeout(resolve, random.next() * 2 * Number(process.env.PAUSE_MS)))
}
await instance.stop()
process.exit()
