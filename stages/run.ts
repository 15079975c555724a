/** `npm run stage -- 4`: a stage of the ladder on this machine, with real servers. Ctrl-C takes all of it down. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { startMailbox } from '../examples/shop/tests/mailbox.ts'
import { startCompanion } from '../packages/tenfold/src/app/companions.ts'
import { createTelemetry } from '../packages/tenfold/src/telemetry/index.ts'
import { STAGES } from './plan.ts'
import { startStage, type Stage } from './stage.ts'

const USAGE = `npm run stage -- <1 to 6>    brings a stage of the ladder up on this machine; Ctrl-C takes it down

  --with nginx|haproxy   the balancer (default: nginx)
  --instances <n>        how many it sends to (default: 1, from stage 3 on 2)
  --app <folder>         the app (default: examples/shop)
  --module <name>        what stage 6 splits out (default: billing)

${STAGES.map(({ stage, name }) => `  ${stage}  ${name}`).join('\n')}

Variables that the app needs beside those of the stage are taken from the environment.`

/** What the stage decides, and what is about this process. */
const OURS = /^(DATABASE_|REDIS_URL|STORAGE_URL|PORT$|HOST$|NODE_|npm_|PROCESSES$|TRUST_PROXY$|REMOTE_|TEST_)/

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  const asked = parse(argv)
  if (typeof asked === 'string') {
    process.stderr.write(`${asked}\n`)
    return 2
  }
  const { stage: number, folder, balancer, instances, module } = asked
  const stopAsked = new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done())
  })
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const stops: (() => Promise<unknown>)[] = []
  try {
    const variables = await variablesOf(folder, stops)
    const stage = await startStage({
      stage: number,
      folder,
      balancer,
      variables,
      service: { module },
      ...(instances !== undefined && { instances }),
      log: (what) => say(`  … ${what}`),
    })
    stops.push(() => stage.stop())
    process.stdout.write(describe(stage))
    await stopAsked
    say('\nTaking it down.')
    return 0
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    return 1
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

interface Asked {
  stage: number
  folder: string
  balancer: 'nginx' | 'haproxy'
  instances: number | undefined
  module: string
}

/** What is asked for, or the sentence that says what is wrong with it. */
function parse(argv: readonly string[]): Asked | string {
  const options = {
    with: { type: 'string', default: 'nginx' },
    instances: { type: 'string' },
    app: { type: 'string', default: fileURLToPath(new URL('../examples/shop', import.meta.url)) },
    module: { type: 'string', default: 'billing' },
    help: { type: 'boolean', short: 'h' },
  } as const
  try {
    const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options })
    const [stage] = positionals
    const balancer = values.with
    const folder = resolve(values.app)
    const instances = values.instances === undefined ? undefined : Number(values.instances)
    if (stage === undefined || values.help) return USAGE
    if (!STAGES.some((one) => String(one.stage) === stage)) return `There is no stage '${stage}'; they are 1 to 6.`
    if (balancer !== 'nginx' && balancer !== 'haproxy') return `--with takes nginx or haproxy, not '${balancer}'.`
    if (instances !== undefined && !(Number.isInteger(instances) && instances >= 1 && instances <= 16))
      return `--instances takes a number from 1 to 16, not '${values.instances}'.`
    if (!existsSync(resolve(folder, 'tenfold.config.ts'))) return `There is no tenfold.config.ts in ${folder}.`
    return { stage: Number(stage), folder, balancer, instances, module: values.module }
  } catch (error) {
    return `${(error as Error).message}\n\n${USAGE}`
  }
}

/** What the app needs beside the servers of the stage: its companions, as in development, and a mail server that keeps all. */
async function variablesOf(folder: string, stops: (() => Promise<unknown>)[]): Promise<Record<string, string>> {
  const variables: Record<string, string> = {}
  const root = pathToFileURL(`${folder}/`)
  const { default: config } = (await import(new URL('tenfold.config.ts', root).href)) as {
    default: { companions?: Record<string, string> }
  }
  const telemetry = createTelemetry({ service: 'stage', env: 'development', level: 'warn' })
  stops.push(() => telemetry.close())
  for (const [variable, script] of Object.entries(config.companions ?? {})) {
    if (process.env[variable]) continue
    const companion = await startCompanion(variable, new URL(script, root), telemetry)
    stops.push(() => companion.stop())
    variables[variable] = companion.url
  }
  if (!process.env['SMTP_URL']) {
    const mailbox = await startMailbox()
    stops.push(() => mailbox.close())
    variables['SMTP_URL'] = mailbox.url
  }
  const given = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return { ...Object.fromEntries(given.filter(([name]) => !OURS.test(name))), ...variables }
}

function describe({ plan, url, servers, processes }: Stage): string {
  const rows: [string, string][] = [
    ['app', url],
    ...processes.map(({ name, url: at, part }): [string, string] => [name, at ?? part.roles.join(', ')]),
    ...Object.entries(servers.variablesFor('app')).flatMap(([name, value]) =>
      value.split(',').map((one): [string, string] => [name, one]),
    ),
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)
  return `\nstage ${plan.stage}: ${plan.name}\n\n${lines.join('\n')}\n\nCtrl-C takes it down.\n\n`
}
