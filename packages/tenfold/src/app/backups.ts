/** Backups of the app's database, taken by a cron and by hand, kept in the app's storage or where `backup.to` says. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openBackups, parseKeep, type Backups } from '../backup/index.ts'
import { readEnvironment, type Environment } from '../config/index.ts'
import { jobNameOf, timetableOf, type CronDefinition } from '../cron/index.ts'
import { randomHex, systemClock, type Service } from '../kernel/index.ts'
import type { JobHandler, JobWork } from '../queue/index.ts'
import { openStorage, type Storage } from '../storage/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { filesFolder } from './bindings.ts'
import type { Config } from './define.ts'
import type { Ground } from './instance.ts'

const CRON = 'tenfold.backup'
const HOUR_MS = 3_600_000

export interface OpenedBackups extends Backups {
  close(): Promise<void>
}

export interface OpenBackupsOptions {
  app: string
  version: string
  root: URL
  config: Config
  /** An administrator's address of the database; not needed to list and to restore. */
  url?: string
  environment?: Environment
  telemetry?: Telemetry
}

/** For commands: works when the app and its database do not. */
export async function openAppBackups(options: OpenBackupsOptions): Promise<OpenedBackups> {
  const { app, version, root, config, url, environment = readEnvironment(process.env) } = options
  const to = config.backup?.to ?? filesFolder(environment, root)
  // Nothing is signed here: any secret will do.
  const storage: Storage = await openStorage({ url: to, secrets: [randomHex(16)], clock: systemClock })
  const backups = openBackups({
    storage,
    app,
    appVersion: version,
    clock: systemClock,
    log: options.telemetry?.log ?? { info: () => {}, warn: () => {} },
    scratch: join(scratchBase(root), '.tenfold/scratch'),
    ...(url !== undefined && { url }),
  })
  return Object.assign(backups, { close: () => storage.close() })
}

/** Beside the app; where that is read-only, as a release is for the user that runs it, in the working directory. */
function scratchBase(root: URL): string {
  const folder = fileURLToPath(root)
  try {
    accessSync(folder, constants.W_OK)
    return folder
  } catch {
    return process.cwd()
  }
}

export interface ScheduledBackups {
  crons: CronDefinition[]
  handlers: Map<string, JobWork>
  /** Archives the log, unless `log: false`. */
  services: Service[]
}

/** What an instance does about backups: nothing, unless tenfold.config.ts has `backup`. */
export async function scheduleBackups(ground: Ground, opened: AsyncDisposableStack): Promise<ScheduledBackups> {
  const { app, version, root, config, environment, telemetry, bindings } = ground
  if (!config.backup) return { crons: [], handlers: new Map(), services: [] }
  const { schedule, keep = '7d/4w/12m', log = true } = config.backup
  parseKeep(keep)
  const url = bindings.databaseDirectUrl
  const backups = await openAppBackups({ app: app.name, version, root, config, environment, telemetry, url })
  opened.defer(() => backups.close())
  const timetable = timetableOf({ name: CRON, schedule })
  const run: JobHandler = async ({ signal }) => {
    const made = await backups.take({ signal })
    telemetry.log.info('The database is backed up.', { id: made.id, kind: made.kind, size: made.size })
    const removed = await backups.prune(keep)
    return { id: made.id, size: made.size, removed }
  }
  const state = { missed: false }
  telemetry.metrics.observe(
    'tenfold.backup.missed',
    { help: '1 when there should be a newer backup than there is.', unit: '{backup}' },
    () => (state.missed ? 1 : 0),
  )
  const look = setInterval(() => {
    const now = systemClock.now()
    const [due] = timetable.between(now - 366 * 24 * HOUR_MS, now - HOUR_MS, 1)
    if (due === undefined) return
    backups.status({ at: due }).then(
      ({ missed }) => void (state.missed = missed),
      () => void (state.missed = true),
    )
  }, 60_000)
  look.unref()
  opened.defer(() => clearInterval(look))
  return {
    crons: [{ name: CRON, schedule, maxAttempts: 2, timeoutMs: 12 * HOUR_MS, graceMs: 6 * HOUR_MS }],
    handlers: new Map([[jobNameOf(CRON), { run }]]),
    services: log ? [backups.archive()] : [],
  }
}
