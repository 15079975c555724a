/** What is done to a stage, and how it is mended. */
import pg from 'pg'
import type { Line } from '../../stages/line.ts'
import type { StageProcess } from '../../stages/process.ts'
import type { Stage } from '../../stages/stage.ts'
import type { SmallDisk } from './disk.ts'
import type { FaultName } from './promises.ts'

export interface Fault {
  strike(stage: Stage, disk: SmallDisk | undefined): Promise<void> | void
  mend(stage: Stage, disk: SmallDisk | undefined): Promise<void> | void
}

const partOf = (stage: Stage, holds: (one: StageProcess) => boolean): StageProcess => stage.processes.findLast(holds)!

function processFault(holds: (one: StageProcess) => boolean): Fault {
  return {
    strike: (stage) => partOf(stage, holds).kill(),
    mend: (stage) => partOf(stage, holds).start(),
  }
}

function lineFault(lines: (stage: Stage) => readonly Line[]): Fault {
  return {
    strike: (stage) => lines(stage).forEach((line) => line.cut()),
    mend: (stage) => lines(stage).forEach((line) => line.mend()),
  }
}

const nothing = (): void => {}

const SKEW = new URL('../cron/skew.ts', import.meta.url).href

export const FAULTS: Record<FaultName, Fault> = {
  'instance-killed': processFault(({ part }) => part.balanced),
  'worker-killed': processFault(({ part }) => part.name === 'worker'),
  'service-killed': processFault(({ part }) => part.service === true),
  'primary-restarted': { strike: ({ servers }) => servers.primary.restart(), mend: nothing },
  'primary-killed': {
    strike: ({ servers }) => servers.primary.kill(),
    mend: ({ servers }) => servers.primary.start(),
  },
  'pgbouncer-restarted': { strike: ({ servers }) => servers.pooler!.restart(), mend: nothing },
  'replica-cut-off': lineFault(({ servers }) => servers.replicas[0]!.lines),
  'redis-away': { strike: ({ servers }) => servers.redis!.kill(), mend: ({ servers }) => servers.redis!.start() },
  'redis-flushed': {
    async strike({ servers }) {
      await servers.redis!.flush()
      await servers.redis!.kill()
    },
    mend: ({ servers }) => servers.redis!.start(),
  },
  's3-away': lineFault(({ servers }) => servers.lines.s3),
  'balancer-reloaded': {
    async strike({ balancer }) {
      for (let i = 0; i < 3; i++) {
        balancer.reload()
        await new Promise((resolve) => setTimeout(resolve, 700))
      }
    },
    mend: nothing,
  },
  'network-split': lineFault(({ servers }) => [
    ...servers.lines.database,
    ...servers.replicas.flatMap(({ lines }) => lines),
  ]),
  'clock-wrong': {
    async strike(stage) {
      const one = partOf(stage, ({ part }) => part.balanced)
      await one.stop()
      await one.start({ NODE_OPTIONS: `--import ${SKEW}`, SKEW_MS: String(5 * 3_600_000) })
    },
    async mend(stage) {
      const one = partOf(stage, ({ part }) => part.balanced)
      await one.stop()
      await one.start()
    },
  },
  'disk-full': {
    async strike({ databaseUrl }, disk) {
      disk!.fill()
      await grow(databaseUrl)
    },
    async mend({ servers }, disk) {
      disk!.free()
      await servers.primary.start() // what systemd does for a server that has ended
    },
  },
}

/** Its log wants room, also when every table has some left. */
async function grow(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  const megabyte = `select pg_logical_emit_message(false, 'ballast', repeat('x', 1000000))`
  for (let i = 0; i < 64; i++) {
    const written = await client.query(megabyte).then(
      () => true,
      () => false,
    )
    if (!written) break
  }
  await client.end().catch(() => {})
}
