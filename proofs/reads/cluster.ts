/** A primary with fsync on, two streaming replicas, and an address for whichever server is the primary; before it a pooler in
 *  transaction mode, where one is installed. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../../packages/tenfold/src/database/index.ts'
import { startEmbedded } from '../../packages/tenfold/src/database/embedded/index.ts'
import {
  createReplica,
  databaseUrl,
  pgbouncerProgram,
  startPooler,
  type TestPooler,
  type TestReplica,
} from '../../packages/tenfold/src/database/testing/index.ts'
import { createTelemetry } from '../../packages/tenfold/src/telemetry/index.ts'
import { openLine } from '../../stages/line.ts'

export interface Cluster {
  version: string
  /** Of the database, wherever the primary is: through the pooler, and past it. */
  url: string
  directUrl: string
  /** Undefined where none is installed. */
  pooler: TestPooler | undefined
  replicaUrls: string[]
  replicas: readonly [TestReplica, TestReplica]
  /** kill -9 of the primary, the first replica takes its place, the second follows it. */
  failOver(): Promise<void>
  stop(): Promise<void>
}

export async function startCluster(stops: (() => Promise<void>)[]): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-proof-'))
  stops.push(() => rm(folder, { recursive: true, force: true }))
  const primary = await startEmbedded({ dataDir: join(folder, 'postgres'), database: 'proof' })
  stops.push(() => primary.stop())
  const first = await createReplica(primary)
  stops.push(() => first.close())
  const second = await createReplica(primary)
  stops.push(() => second.close())
  const address = await openLine(primary.adminUrl)
  stops.push(() => address.stop())
  const pooler = pgbouncerProgram() === undefined ? undefined : await startPooler({ adminUrl: address.url })
  if (pooler) stops.push(() => pooler.close())
  const directUrl = databaseUrl(address.url, 'proof')
  return {
    version: primary.version,
    url: pooler?.urlOf(directUrl) ?? directUrl,
    directUrl,
    pooler,
    replicaUrls: [first, second].map((replica) => databaseUrl(replica.adminUrl, 'proof')),
    replicas: [first, second],
    async failOver() {
      // From now on a write is acknowledged only when both replicas have it: what nobody has cannot be read by anybody.
      const telemetry = createTelemetry({ service: 'proof', env: 'test', level: 'silent' })
      const admin = openDatabase({ url: primary.adminUrl, app: 'proof', secretKey: '', roleMode: 'shared', telemetry })
      await admin.system.query(`alter system set synchronous_standby_names = '2 (*)'`)
      await admin.system.query('select pg_reload_conf()')
      await admin.service.stop()
      await Promise.all([first.caughtUp(), second.caughtUp()])
      process.kill(primary.pid, 'SIGKILL')
      await first.promote()
      await second.follow(first.adminUrl)
      address.leadTo(first.adminUrl)
    },
    stop: async () => {
      for (const stop of stops.splice(0).reverse()) await stop()
    },
  }
}
