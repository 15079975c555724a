/** Backups of the app's database, taken by a cron and by hand, kept in the app's storage or where `backup.to` says. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openBackups, parseKeep, type Backups, type BackupStatus } from '../backup/index.ts'
import { readEnvironment, type Environment } from '../config/index.ts'
import { jobNameOf, timetableOf, type CronDefinition } from '../cron/index.ts'
import type { BackupState } from '../inspect/index.ts'
import { messageOf, randomHex, systemClock, type Service } from '../kernel/index.ts'
import type { JobHandler, JobWork } from '../queue/index.ts'
import { openStorage, type Storage } from '../storage/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { filesFolder } from './bindings.ts'
import type { Config } from './define.ts'
import type { Ground } from './instance.ts'

const CRON = 'tenfold.backup'
const HOUR_MS = 3_600_000

export interface OpenedBackups extends Backups {
  /** Its status, by the schedule in the configuration: one that is due counts as missed an hour later. */
  scheduled(): Promise<BackupStatus>
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
  const timetable = config.backup && timetableOf({ name: CRON, schedule: config.backup.schedule })
  return Object.assign(backups, {
    scheduled() {
      const now = systemClock.now()
      const [due] = timetable?.between(now - 366 * 24 * HOUR_MS, now - HOUR_MS, 1) ?? []
      return backups.status(due === undefined ? undefined : { at: due })
    },
    close: () => storage.close(),
  })
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
  /** For the role `cron`: looks whether one is missed, and archives the log, unless `log: false`. */
  services: Service[]
  /** At most a minute old. Undefined without a schedule. */
  status?: () => Promise<BackupState>
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
  const looks = createLooks(backups, telemetry)
  const run: JobHandler = async ({ signal }) => {
    try {
      const made = await backups.take({ signal })
      telemetry.log.info('The database is backed up.', { id: made.id, kind: made.kind, size: made.size })
      const removed = await backups.prune(keep)
      return { id: made.id, size: made.size, removed }
    } finally {
      await looks.look()
    }
  }
  return {
    crons: [{ name: CRON, schedule, maxAttempts: 2, timeoutMs: 12 * HOUR_MS, graceMs: 6 * HOUR_MS }],
    handlers: new Map([[jobNameOf(CRON), { run }]]),
    services: [looks.service, ...(log ? [backups.archive()] : [])],
    status: looks.status,
  }
}

interface Looks {
  look(): Promise<BackupState>
  status(): Promise<BackupState>
  /** Looks at once and then every minute, and tells the metric that the alert reads. */
  service: Service
}

const LOOK_EVERY_MS = 60_000

function createLooks(backups: OpenedBackups, { log, metrics }: Telemetry): Looks {
  let known: { at: number; status: BackupState } | undefined
  let looking: Promise<BackupState> | undefined
  let timer: NodeJS.Timeout | undefined

  const read = async (): Promise<BackupState> => {
    // Backups that cannot be read cannot be restored either.
    const status: BackupState = await backups.scheduled().catch((error: unknown) => {
      const message = messageOf(error)
      log.warn('The list of backups cannot be read.', { reason: message })
      return { missed: true, failed: { at: new Date(systemClock.now()).toISOString(), message } }
    })
    known = { at: performance.now(), status }
    return status
  }
  // One after the other: what a look began with may be out of date when a backup has just been made.
  const look = (): Promise<BackupState> => {
    const mine = (looking ?? Promise.resolve()).then(read).finally(() => {
      if (looking === mine) looking = undefined
    })
    return (looking = mine)
  }
  return {
    look,
    status: async () => (known && performance.now() - known.at < LOOK_EVERY_MS ? known.status : (looking ?? look())),
    service: {
      name: 'watch over backups',
      async start() {
        // Until the first look nothing is said: a process that starts must not end an alert.
        metrics.observe(
          'tenfold.backup.missed',
          { help: '1 when there should be a newer backup than there is.', unit: '{backup}' },
          () => (known ? [{ value: known.status.missed ? 1 : 0, labels: {} }] : []),
        )
        timer = setInterval(() => void look(), LOOK_EVERY_MS)
        timer.unref()
        void look()
      },
      async stop() {
        clearInterval(timer)
        await looking
      },
    },
  }
}
