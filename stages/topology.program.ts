/** What TEST_TOPOLOGY names: an app's own tests, unchanged, at a stage of the ladder. The app of the test is one instance; the
 *  others are processes, and nginx is in front of all. TEST_STAGE says what runs, see `TopologyFacts`. */
import { once } from 'node:events'
import { connect } from 'node:net'
import pg from 'pg'
import { databaseUrl } from '../packages/tenfold/src/database/testing/index.ts'
import { freePort, startBalancer } from '../packages/tenfold/src/deploy/testing/index.ts'
import type { Topology } from '../packages/tenfold/src/testing.ts'
import { stageProcess, type StageProcess } from './process.ts'
import type { TopologyFacts } from './topology.ts'

const facts = JSON.parse(process.env['TEST_STAGE']!) as TopologyFacts
const state = { apps: 0 }

export default {
  async variables(directUrl) {
    const name = new URL(directUrl).pathname.slice(1)
    await Promise.all(facts.replicas.map((url) => answers(databaseUrl(url, name))))
    const redis = facts.redis && `${facts.redis}/${state.apps++ % 16}`
    if (redis) await forget(redis)
    return {
      TRUST_PROXY: '127.0.0.1',
      DATABASE_URL: facts.pooler ? databaseUrl(facts.pooler, name) : directUrl,
      ...(facts.replicas.length > 0 && {
        DATABASE_REPLICA_URLS: facts.replicas.map((url) => databaseUrl(url, name)).join(),
      }),
      ...(redis && { REDIS_URL: redis }),
      ...(facts.storage && { STORAGE_URL: facts.storage }),
    }
  },

  async around({ url, variables }) {
    const others: StageProcess[] = []
    for (let n = 2; n <= facts.instances; n++) {
      others.push(
        stageProcess({
          name: `web-${n}`,
          part: { name: 'web', roles: ['web'], count: 1, balanced: true },
          folder: facts.folder,
          port: await freePort(),
          variables: defined(variables),
        }),
      )
    }
    await Promise.all(others.map((one) => one.start()))
    const balancer = await startBalancer('nginx', {
      app: 'app',
      method: 'round-robin',
      instances: [url, ...others.map((one) => one.url!)].map((at, i) => ({
        name: `web-${i + 1}`,
        host: '127.0.0.1',
        port: Number(new URL(at).port),
      })),
    })
    return {
      url: balancer.url,
      async stop() {
        await balancer.stop()
        await Promise.all(others.map((one) => one.stop()))
      },
    }
  },
} satisfies Topology

function defined(variables: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined)
  // They are no tests: with these they would be taken for a part of one.
  return Object.fromEntries(given.filter(([name]) => !/^(NODE_TEST_CONTEXT|NODE_OPTIONS|TEST_)/.test(name)))
}

/** A replica has a new database a moment later. */
async function answers(url: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; ;) {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    const there = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => {})
    if (there) return
    if (Date.now() > deadline) throw new Error('a replica does not have the database after a minute')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** What the tests before have counted there, such as limits, is not ours. */
async function forget(url: string): Promise<void> {
  const { hostname, port, pathname } = new URL(url)
  const socket = connect(Number(port), hostname).end(`SELECT ${pathname.slice(1)}\r\nFLUSHDB\r\n`)
  socket.resume()
  await once(socket, 'end')
}
