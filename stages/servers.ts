/** The servers of a stage, all of them real, each at the end of a line that can be cut. */
import {
  createReplica,
  databaseUrl,
  startPooler,
  startPrimary,
  type TestPooler,
  type TestPrimary,
  type TestReplica,
} from '../packages/tenfold/src/database/testing/index.ts'
import { startTestRedis, type TestRedis } from '../packages/tenfold/src/redis/testing/index.ts'
import { startTestS3, type TestS3 } from '../packages/tenfold/src/storage/testing/index.ts'
import { openLine, type Line } from './line.ts'
import type { StagePlan } from './plan.ts'

export interface Servers {
  primary: TestPrimary
  /** Before the primary. */
  pooler: TestPooler | undefined
  replicas: readonly { server: TestReplica; pooler: TestPooler; lines: readonly Line[] }[]
  redis: TestRedis | undefined
  s3: TestS3 | undefined
  lines: {
    /** From the app to the primary: by way of PgBouncer, and past it. */
    database: readonly Line[]
    redis: readonly Line[]
    s3: readonly Line[]
  }
  /** What an instance has to know about them to work on this database. */
  variablesFor(database: string): Record<string, string>
}

export interface ServersOptions {
  /** Where the files of the primary lie. Defaults to a temporary folder. */
  folder?: string
  /** Stops all that was started, last first; filled as servers start, so that nothing is left behind when one does not. */
  stops: (() => Promise<unknown>)[]
  log: (line: string) => void
}

export async function startServers(plan: StagePlan, { folder, stops, log }: ServersOptions): Promise<Servers> {
  const line = async (to: string): Promise<Line> => {
    const opened = await openLine(to)
    stops.push(() => opened.stop())
    return opened
  }
  log('Postgres')
  const primary = await startPrimary(folder === undefined ? {} : { folder })
  stops.push(() => primary.close())
  const direct = await line(primary.adminUrl)
  const before = async (server: { adminUrl: string }): Promise<{ pooler: TestPooler; line: Line }> => {
    const pooler = await startPooler(server)
    stops.push(() => pooler.close())
    return { pooler, line: await line(pooler.urlOf(server.adminUrl)) }
  }
  if (plan.pgbouncer) log('PgBouncer')
  const pooled = plan.pgbouncer ? await before(primary) : undefined

  const replicas: { server: TestReplica; pooler: TestPooler; lines: Line[]; url: string }[] = []
  for (let n = 1; n <= plan.replicas; n++) {
    log(`replica ${n}`)
    const server = await createReplica(primary)
    stops.push(() => server.close())
    const stream = await line(primary.adminUrl)
    await server.follow(stream.url)
    const { pooler, line: reads } = await before(server)
    replicas.push({ server, pooler, lines: [reads, stream], url: reads.url })
  }

  if (plan.redis) log('Redis')
  const redis = plan.redis ? await startTestRedis() : undefined
  if (redis) stops.push(() => redis.stop())
  const redisLine = redis && (await line(redis.url))

  if (plan.s3) log('S3')
  const s3 = plan.s3 ? await startTestS3() : undefined
  if (s3) stops.push(() => s3.stop())
  const s3Line = s3 && (await line(s3.endpoint))
  const bucket = s3 && new URL(await s3.bucket('files'))
  if (bucket && s3Line) bucket.searchParams.set('endpoint', s3Line.url.replace(/\/$/, ''))

  return {
    primary,
    pooler: pooled?.pooler,
    replicas,
    redis,
    s3,
    lines: {
      database: pooled ? [direct, pooled.line] : [direct],
      redis: redisLine ? [redisLine] : [],
      s3: s3Line ? [s3Line] : [],
    },
    variablesFor: (database) => ({
      DATABASE_URL: databaseUrl(pooled?.line.url ?? direct.url, database),
      DATABASE_DIRECT_URL: databaseUrl(direct.url, database),
      ...(replicas.length > 0 && {
        DATABASE_REPLICA_URLS: replicas.map(({ url }) => databaseUrl(url, database)).join(),
      }),
      ...(redisLine && { REDIS_URL: redisLine.url }),
      ...(bucket && { STORAGE_URL: bucket.href }),
    }),
  }
}
