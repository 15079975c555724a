/** What a user of the packed package writes; copied into a project outside of the repository, checked and run there. */
import { openCache } from 'tenfold/cache'
import { openDatabase } from 'tenfold/database'
import { openLimits } from 'tenfold/limits'
import { openQueue } from 'tenfold/queue'
import { openSessions } from 'tenfold/sessions'
import { z } from 'zod'

await using database = await openDatabase({ url: process.env['DATABASE_URL']! })
await using queue = await openQueue({ database, migrate: true })
await using cache = await openCache({ database, migrate: true })
await using limits = await openLimits({ database, migrate: true })
await using sessions = await openSessions({ database, migrate: true })

const engine = cache.define({ name: 'engine', ttl: '1m', load: async (_key: string) => 'postgres' })
const greetings = limits.define({ name: 'greetings', windows: [{ max: 1, per: '1h' }] })
const { promise, resolve } = Promise.withResolvers<string>()
const greet = queue.job('greet', {
  input: z.object({ id: z.string() }),
  run: async ({ input }) => resolve((await sessions.read(input.id))?.userId ?? 'nobody'),
})
const worker = await queue.work()
const { id } = await sessions.create({ userId: 'ada' })
if ((await greetings.take('ada')).allowed) await greet.enqueue({ id })
console.log(`ran for ${await promise} on ${await engine.get('name')}`)
await worker.stop()
