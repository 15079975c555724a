import { existsSync } from 'node:fs'
import { BadConfig, type Environment } from '../../config/index.ts'
import { TenfoldError } from '../../kernel/index.ts'
import {
  connect,
  engineProblems,
  environmentFor,
  jobsOnRedis,
  looseEndsOf,
  placeOf,
  placesOf,
  problemsOf,
  readSettings,
  stageOf,
  strayPlaces,
  withStandIns,
  type App,
  type Config,
} from '../../app/index.ts'
import { REDIS_CANNOT, REDIS_DEPENDS } from '../../queue/index.ts'
import { reachDatabase } from '../../database/index.ts'
import { refusals, type Finding } from '../../database/safety/index.ts'
import { illegalImports } from '../boundaries.ts'
import type { Command } from '../command.ts'
import { judgeMigrations, placeIn } from '../gates.ts'
import { slowPatterns } from '../patterns.ts'
import { loadProject } from '../project.ts'
import { checkSplit } from '../split.ts'

interface Line {
  part: string
  bound: string
  /** What happens when two instances run; empty when nothing breaks. */
  twoInstances: string
  variable: string
  /** Whether it was tried, and cannot be used; what is wrong is among the problems. */
  unusable?: true
}

interface Findings {
  problems: string[]
  warnings: string[]
}

export const check: Command = {
  options: {
    split: {
      type: 'string',
      value: '<module>',
      about: 'say whether this module can run on another host, and at what cost',
    },
  },
  examples: ['tenfold check', 'NODE_ENV=production tenfold check --json', 'tenfold check --split billing'],
  async run({ flags, output }) {
    const { app, config, root } = await loadProject(flags)
    if (flags.split !== undefined) return checkSplit(app, root, String(flags.split), output)
    const slow = await slowPatterns(app.modules)
    const problems = [
      ...slow.problems,
      ...problemsOf(app.name, app.modules),
      ...looseEndsOf(app.modules),
      ...engineProblems(app.modules, config.queue),
      ...(await illegalImports(root, app.modules, new URL(config.app ?? './app.ts', root))),
    ]
    let lines: Line[] = []
    const warned = [...slow.warnings]
    let stage: { number: number; name: string } | undefined
    try {
      const environment = await environmentFor(app.modules, { variables: process.env, config })
      stage = stageOf(environment)
      lines = bindingsOf(environment, Object.keys(config.companions ?? {}), jobsOnRedis(app.modules, config.queue))
      const reach = await reachOf(environment, config)
      if (reach?.pooler.mode) lines[0]!.bound += `, through a pooler in ${reach.pooler.mode} mode`
      problems.push(...(reach?.problems ?? []))
      for (const number of reach?.unusableReplicas ?? [])
        lines.find(({ part }) => part === `replica-${number}`)!.unusable = true
      warned.push(...(reach?.warnings ?? []).map((warning) => `database: ${warning}`))
      const places = placesOf(app.modules, undefined, environment.variables)
      problems.push(...places.problems.map(({ at, problem }) => `${at}: ${problem}`))
      const strays = strayPlaces(app.modules, environment.variables)
      warned.push(...strays.map((variable) => `${variable}: the app has no such module`))
      lines.push(...placesLines(places.remote))
      await readSettings(places.local, withStandIns(environment.variables, config))
      const dangers = await dangersIn(app, root, environment)
      problems.push(...dangers.problems)
      warned.push(...dangers.warnings)
    } catch (error) {
      if (!BadConfig.is(error)) throw error
      problems.push(...error.details.problems.map(({ at, problem }) => `${at}: ${problem}`))
    }
    const onRedis = jobsOnRedis(app.modules, config.queue).length > 0
    const redis = onRedis ? { cannot: REDIS_CANNOT, depends: REDIS_DEPENDS } : undefined
    const warnings = lines
      .filter((line) => line.twoInstances)
      .map(({ part, twoInstances, variable }) => `${part}: ${twoInstances}${variable && ` (set ${variable})`}`)
    output.show(
      { ok: problems.length === 0, stage, problems, warnings: warned, bindings: lines, twoInstances: warnings, redis },
      () => {
        if (stage) output.line(`stage ${stage.number}: ${stage.name}\n`)
        if (lines.length > 0)
          output.table(
            ['part', 'bound to', 'with two instances'],
            lines.map((line) => [
              line.part,
              line.bound,
              line.unusable
                ? output.paint('red', 'cannot be used')
                : line.twoInstances
                  ? output.paint('yellow', line.twoInstances)
                  : output.paint('green', 'works'),
            ]),
          )
        if (lines.length > 0) output.line()
        for (const problem of problems) output.line(`${output.paint('red', 'problem')} ${problem}`)
        for (const warning of warned) output.line(`${output.paint('yellow', 'warning')} ${warning}`)
        for (const [promise, says] of Object.entries({ ...redis?.cannot, ...redis?.depends }))
          output.line(`jobs on redis, ${promise}: ${says}`)
        output.line(
          problems.length === 0
            ? output.paint('green', 'no problems')
            : problems.length === 1
              ? '1 problem'
              : `${problems.length} problems`,
        )
      },
    )
    return problems.length === 0 ? 0 : 1
  },
}

function placesLines(remote: ReadonlyMap<string, string>): Line[] {
  return [...remote].map(([module, url]) => ({
    part: `module ${module}`,
    bound: new URL(url).host,
    twoInstances: '',
    variable: `REMOTE_${module.toUpperCase()}_URL`,
  }))
}

/** Knocks at the addresses of the database, where there are any. */
async function reachOf({ databaseUrl, databaseDirectUrl, databaseReplicaUrls }: Environment, { database }: Config) {
  if (!databaseUrl) return undefined
  const connections = database?.connections
  return reachDatabase({
    databaseUrl,
    databaseDirectUrl,
    databaseReplicaUrls,
    ...(connections !== undefined && { connections }),
  })
}

/** What a start would find in the migrations that it applies by itself: those of the embedded database. */
async function dangersIn(app: App, root: URL, { databaseUrl }: Environment): Promise<Findings> {
  if (databaseUrl !== undefined || !existsSync(new URL('.tenfold/postgres', root)))
    return { problems: [], warnings: [] }
  try {
    const warnings = refusals(await judged(app, root)).map(
      (finding) =>
        `migration ${finding.migration}: ${finding.code} (${placeIn(finding)}); a start in production refuses it, \`tenfold migrate check\` has the safe way`,
    )
    return { problems: [], warnings }
  } catch (error) {
    if (!(error instanceof TenfoldError) || BadConfig.is(error)) throw error
    const said = `${error.message} ${error.fix}`
    // What is wrong with a migration is known; without its database nothing is.
    return /^TF_(BAD_)?MIGRATION_/.test(error.code)
      ? { problems: [said], warnings: [] }
      : { problems: [], warnings: [`migrations could not be looked at: ${said}`] }
  }
}

async function judged(app: App, root: URL): Promise<Finding[]> {
  const connected = await connect(app, root)
  try {
    return (await judgeMigrations(connected.target, 'pending of modules in use')).findings
  } finally {
    await connected.close()
  }
}

function shortened(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more jobs`
}

function bindingsOf(environment: Environment, companions: string[], onRedis: string[]): Line[] {
  const { env, databaseUrl, databaseReplicaUrls, storageUrl, secretKey, variables } = environment
  const inDevelopment = (what: string): string => (env === 'production' ? 'nothing' : what)
  const shared = databaseUrl !== undefined
  const redis = environment.redisUrl && `Redis at ${new URL(environment.redisUrl).host}`
  return [
    {
      part: 'database',
      bound: databaseUrl ? new URL(databaseUrl).host : 'embedded Postgres',
      twoInstances: shared ? '' : 'each machine would have a database of its own',
      variable: 'DATABASE_URL',
    },
    ...databaseReplicaUrls.map((url, i) => ({
      part: `replica-${i + 1}`,
      bound: new URL(url).host,
      twoInstances: '',
      variable: 'DATABASE_REPLICA_URLS',
    })),
    { part: 'jobs, crons, events', bound: 'Postgres', twoInstances: '', variable: '' },
    ...(onRedis.length > 0
      ? [
          {
            part: shortened(onRedis),
            bound: redis ?? 'Postgres, without REDIS_URL',
            twoInstances: '',
            variable: 'REDIS_URL',
          },
        ]
      : []),
    {
      part: 'sessions',
      bound: `Postgres${redis ? `, copies in ${redis}` : ''}`,
      twoInstances: '',
      variable: 'REDIS_URL',
    },
    { part: 'rate limits', bound: redis ?? 'Postgres', twoInstances: '', variable: 'REDIS_URL' },
    {
      part: 'cache',
      bound: `memory${redis ? `, then ${redis}` : ''}, invalidated through Postgres`,
      twoInstances: '',
      variable: 'REDIS_URL',
    },
    {
      part: 'files',
      bound: storageUrl ? placeOf(storageUrl) : 'disk, .tenfold/files',
      twoInstances: storageUrl?.startsWith('s3:')
        ? ''
        : storageUrl
          ? 'works only if every machine has the same folder'
          : 'a file uploaded on one machine is not on the other',
      variable: 'STORAGE_URL',
    },
    {
      part: 'secret key',
      bound: secretKey ? 'SECRET_KEY' : '.tenfold/secret',
      twoInstances: secretKey
        ? ''
        : 'each machine would make a key of its own: sessions of one are unknown to the other',
      variable: 'SECRET_KEY',
    },
    {
      part: 'mail',
      bound: variables.SMTP_URL ? 'SMTP_URL' : inDevelopment('a mail server that keeps mails for the console'),
      twoInstances: '',
      variable: 'SMTP_URL',
    },
    ...companions.map((variable) => ({
      part: variable,
      bound: variables[variable] ? 'set' : inDevelopment('a companion process'),
      twoInstances: '',
      variable,
    })),
  ]
}
