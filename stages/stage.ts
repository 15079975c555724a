/** A stage of the ladder, running: its servers, its instances as processes of their own, its balancer. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { createDatabase } from '../packages/tenfold/src/database/testing/index.ts'
import {
  freePort,
  startBalancer,
  type BalancerKind,
  type TestBalancer,
} from '../packages/tenfold/src/deploy/testing/index.ts'
import { STAGES, type StagePlan } from './plan.ts'
import { stageProcess, type StageProcess } from './process.ts'
import { startServers, type Servers } from './servers.ts'

const PROGRAM = fileURLToPath(new URL('../packages/tenfold/bin/tenfold.js', import.meta.url))

export interface StageOptions {
  /** 1 to 6. */
  stage: number
  /** The folder of the app, with its tenfold.config.ts. */
  folder: string
  /** Another tenfold.config.ts than the one of the folder. */
  config?: string
  /** Defaults to nginx. */
  balancer?: BalancerKind
  /** How many instances the balancer sends to. Defaults to what the stage has: one, and from stage 3 on two. */
  instances?: number
  /** The module that is split out at stage 6. */
  service?: { module: string }
  /** What the app needs beside the servers of the stage. */
  variables: Readonly<Record<string, string>>
  /** Where the files of the primary lie. Defaults to a temporary folder. */
  databaseFolder?: string
  log?: (line: string) => void
}

export interface Stage {
  readonly plan: StagePlan
  /** Of the balancer. */
  readonly url: string
  readonly servers: Servers
  readonly processes: readonly StageProcess[]
  readonly balancer: TestBalancer
  /** Of the app's database, past every pooler and line. */
  readonly databaseUrl: string
  /** What every instance is given. */
  readonly variables: Readonly<Record<string, string>>
  stop(): Promise<void>
}

/** @example
 *  const stage = await startStage({ stage: 3, folder: 'examples/shop', variables: { PAYMENTS_URL } })
 *  await fetch(`${stage.url}/products`)
 *  await stage.stop() */
export async function startStage(options: StageOptions): Promise<Stage> {
  const { folder, config, balancer: kind = 'nginx', log = () => {} } = options
  const plan = STAGES.find(({ stage }) => stage === options.stage)
  if (!plan)
    throw new RangeError(`there is no stage ${options.stage}: they are ${STAGES.map(({ stage }) => stage).join(', ')}`)
  const stops: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse())
      await one().catch((error: unknown) => log(`while stopping: ${String(error)}`))
  }
  try {
    const servers = await startServers(plan, {
      stops,
      log,
      ...(options.databaseFolder !== undefined && { folder: options.databaseFolder }),
    })
    const databaseUrl = await createDatabase(servers.primary, 'app')
    const files = mkdtempSync(join(tmpdir(), 'tenfold-stage-'))
    stops.push(async () => rmSync(files, { recursive: true, force: true }))
    const variables = {
      SECRET_KEY: 'a secret key for a stage on one machine, and nothing else',
      HOST: '127.0.0.1',
      STORAGE_URL: pathToFileURL(join(files, 'storage')).href,
      TRUST_PROXY: '127.0.0.1',
      // Two checks of HAProxy, and one more. nginx does not check: it notices when an instance refuses.
      DRAIN_DELAY: kind === 'haproxy' ? '2500ms' : '100ms',
      ...servers.variablesFor('app'),
      ...options.variables,
    }
    log('migrations')
    await migrate(folder, config, variables)
    const processes = await processesOf(plan, options, variables)
    for (const one of processes) {
      stops.push(() => one.stop())
      log(one.name)
      await one.start()
    }
    log(kind)
    const balancer = await startBalancer(kind, {
      app: 'app',
      instances: processes
        .filter(({ part }) => part.balanced)
        .map(({ name, url }) => ({ name, host: '127.0.0.1', port: Number(new URL(url!).port) })),
    })
    stops.push(() => balancer.stop())
    return { plan, url: balancer.url, servers, processes, balancer, databaseUrl, variables, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function processesOf(
  plan: StagePlan,
  { folder, config, instances, service }: StageOptions,
  given: Record<string, string>,
): Promise<StageProcess[]> {
  const processes: StageProcess[] = []
  const variables = { ...given }
  for (const part of plan.parts) {
    if (part.service && !service) continue
    const count = part.balanced ? (instances ?? part.count) : part.count
    for (let n = 1; n <= count; n++) {
      const port = await freePort()
      const one = stageProcess({
        name: count === 1 ? part.name : `${part.name}-${n}`,
        part,
        folder,
        port,
        variables: { ...variables },
        ...(config !== undefined && { config }),
        ...(part.service && { modules: [service!.module] }),
      })
      processes.push(one)
      // Those that start after it call it here.
      if (part.service) variables[`REMOTE_${service!.module.toUpperCase()}_URL`] = one.url!
    }
  }
  return processes
}

/** Applies the migrations, as a deploy does before it starts anything. */
async function migrate(folder: string, config: string | undefined, variables: Record<string, string>): Promise<void> {
  const { PATH = '', HOME = '' } = process.env
  const env = { PATH, HOME, NODE_ENV: 'production', ...variables }
  const args = [PROGRAM, 'migrate', 'up', ...(config ? ['--config', config] : [])]
  // Not at once: the lines to the database are kept by this process.
  await promisify(execFile)(process.execPath, args, { cwd: folder, env }).catch(
    (error: Error & { stderr?: string }) => {
      throw new Error(`tenfold migrate up:\n${error.stderr ?? error.message}`, { cause: error })
    },
  )
}
