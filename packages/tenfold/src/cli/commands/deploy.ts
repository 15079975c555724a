import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkAlerts } from '../../alerts/index.ts'
import { businessMetrics } from '../../app/index.ts'
import { readEnvironment } from '../../config/index.ts'
import {
  BALANCERS,
  DEFAULTS,
  defaultTargets,
  diffStages,
  isNetwork,
  LADDER,
  lastChoices,
  NoSuchStage,
  planOf,
  STAGES,
  TARGETS,
  userlist,
  writePlan,
  type Balancer,
  type Choices,
  type Facts,
  type Stage,
  type Target,
} from '../../deploy/index.ts'
import { validate } from '../../kernel/index.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { BadOptionValue, MissingArgument } from '../errors.ts'
import { loadProject, type Project } from '../project.ts'
import type { Output } from '../output.ts'

const CHOICES: Record<string, OptionSpec> = {
  for: {
    type: 'string',
    value: '<targets>',
    about: `some of ${TARGETS.join(', ')} (default: machines; kubernetes at stage 6)`,
  },
  domain: { type: 'string', value: '<name>', about: 'under which users reach the app (default: example.com)' },
  balancer: {
    type: 'string',
    value: '<name>',
    about: `in front of the instances: ${BALANCERS.join(' or ')} (default: nginx)`,
  },
  proxies: {
    type: 'string',
    value: '<networks>',
    about: 'of a CDN in front, separated by commas: believed what they say about the client (default: none)',
  },
  instances: { type: 'string', value: '<n>', about: 'machines of the web part, from stage 3 on (default: 2)' },
  replicas: { type: 'string', value: '<n>', about: 'read replicas, from stage 4 on (default: 1)' },
  machine: {
    type: 'string',
    value: '<size>',
    about: 'memory and cores of a machine of the app, such as 4GB,2 (the default)',
  },
  'database-machine': { type: 'string', value: '<size>', about: 'the same of the database (default: 8GB,4)' },
  split: {
    type: 'string',
    value: '<module>',
    about: 'the module that is a service of its own at stage 6 (default: the last one)',
  },
  folder: { type: 'string', value: '<path>', about: 'where the files are (default: deploy)' },
}

export const deploy: Command = {
  args: '[<stage>]',
  maxArgs: 1,
  options: {
    ...CHOICES,
    'dry-run': { type: 'boolean', about: 'only say what would be written' },
    force: { type: 'boolean', about: 'overwrite files that were changed by hand' },
  },
  examples: [
    'tenfold deploy',
    'tenfold deploy 1 --domain shop.example.com --machine 8GB,4',
    'tenfold deploy 3 --for compose,kubernetes --dry-run',
  ],
  async run(invocation) {
    const { args, flags, output } = invocation
    if (args[0] === undefined) return showLadder(output)
    const stage = stageOf(args[0])
    const { facts, choices, folder } = await factsOf(invocation)
    const targets = targetsOf(flags.for) ?? defaultTargets(stage)
    const plan = planOf(facts, stage, targets)
    const dryRun = flags['dry-run'] === true
    const written = await writePlan(plan, folder, { dryRun, force: flags.force === true, choices })
    output.show({ stage, targets, folder, dryRun, files: written }, () => {
      output.table(
        ['', 'file', 'what it is for'],
        written.map(({ path, fate, about }) => [fate, path, about]),
      )
      output.line()
      output.line(dryRun ? 'Nothing was written.' : `Read ${join(folder, 'README.md')} next: it says where each goes.`)
    })
    return 0
  },
}

export const deployDiff: Command = {
  args: '<from> <to>',
  maxArgs: 2,
  options: CHOICES,
  examples: ['tenfold deploy diff 3 4', 'tenfold deploy diff 4 3', 'tenfold deploy diff 1 3 --for compose --json'],
  async run(invocation) {
    const { args, flags, output } = invocation
    const [from, to] = args
    if (from === undefined || to === undefined)
      throw MissingArgument({ argument: 'two stages', command: 'deploy diff' })
    const { facts } = await factsOf(invocation)
    const diff = diffStages(facts, stageOf(from), stageOf(to), targetsOf(flags.for))
    output.show(diff, () => {
      for (const move of diff.moves) {
        output.line(
          output.paint('bold', diff.from < diff.to ? `${move.from} → ${move.to}` : `${move.to} → ${move.from}`),
        )
        if (diff.from < diff.to) {
          list(output, 'configuration', move.configuration)
          list(output, 'in this order', move.steps, true)
          list(output, 'what can go wrong', move.risks)
        }
        list(output, diff.from < diff.to ? 'how to go back' : 'in this order', move.back, true)
      }
      output.table(
        ['', 'file', 'what it is for'],
        diff.files.map(({ path, change, about }) => [change, path, about]),
      )
    })
    return 0
  },
}

export const deployUserlist: Command = {
  examples: ['tenfold deploy userlist > /etc/pgbouncer/userlist.txt'],
  async run(invocation) {
    const { facts } = await factsOf(invocation)
    const { secretKey } = readEnvironment(process.env)
    if (secretKey === undefined)
      throw MissingArgument({ argument: 'SECRET_KEY in the environment', command: 'deploy userlist' })
    invocation.output.line(userlist(facts, secretKey).trimEnd())
    return 0
  },
}

function showLadder(output: Output): number {
  output.show(LADDER, () => {
    for (const { stage, name, runs, leaveWhen } of LADDER) {
      output.line(output.paint('bold', `${stage}  ${name}`))
      output.line(`   ${runs}`)
      output.line(`   ${output.paint('grey', 'when to leave:')} ${leaveWhen}\n`)
    }
    output.line('`tenfold deploy <stage>` writes the files of one.')
  })
  return 0
}

function list(output: Output, title: string, lines: readonly string[], numbered = false): void {
  output.line(output.paint('grey', title))
  for (const [i, line] of lines.entries()) output.line(`  ${numbered ? `${i + 1}.` : '-'} ${line}`)
  output.line()
}

/** What the app says, what was chosen now, what was chosen last time, defaults: in this order. */
async function factsOf({ flags }: Invocation): Promise<{ facts: Facts; choices: Choices; folder: string }> {
  const project = await loadProject(flags)
  const folder = join(fileURLToPath(project.root), typeof flags.folder === 'string' ? flags.folder : 'deploy')
  const choices = { ...(await lastChoices(folder)), ...chosen(flags, project) }
  const modules = project.app.modules.map(({ name }) => name)
  return {
    facts: {
      ...DEFAULTS,
      ...choices,
      app: project.app.name,
      modules,
      settings: await neededSettings(project),
      alerts: checkAlerts(project.config.alerts ?? {}),
      metrics: businessMetrics(project.app.modules),
    },
    choices,
    folder,
  }
}

function chosen(flags: Invocation['flags'], { app }: Project): Choices {
  const { domain, split, balancer, proxies } = flags
  if (typeof domain === 'string' && !/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(domain))
    throw BadOptionValue({ option: '--domain', value: domain, allowed: 'a name such as shop.example.com' })
  if (typeof split === 'string' && !app.modules.some(({ name }) => name === split))
    throw BadOptionValue({
      option: '--split',
      value: split,
      allowed: `one of ${app.modules.map(({ name }) => name).join(', ')}`,
    })
  return {
    ...(typeof domain === 'string' && { domain }),
    ...(typeof split === 'string' && { split }),
    ...(balancer !== undefined && { balancer: balancerOf(balancer) }),
    ...(typeof proxies === 'string' && { proxies: networksOf(proxies) }),
    ...(flags.instances !== undefined && { instances: countOf('--instances', flags.instances) }),
    ...(flags.replicas !== undefined && { replicas: countOf('--replicas', flags.replicas) }),
    ...(flags.machine !== undefined && { machine: sizeOf('--machine', flags.machine) }),
    ...(flags['database-machine'] !== undefined && {
      databaseMachine: sizeOf('--database-machine', flags['database-machine']),
    }),
  }
}

function balancerOf(value: string | boolean): Balancer {
  const balancer = BALANCERS.find((one) => one === value)
  if (balancer) return balancer
  throw BadOptionValue({ option: '--balancer', value: String(value), allowed: `one of ${BALANCERS.join(', ')}` })
}

/** `none` takes back what was chosen before. */
function networksOf(value: string): string[] {
  if (value === 'none') return []
  return value.split(',').map((one) => {
    const network = one.trim()
    if (isNetwork(network)) return network
    throw BadOptionValue({
      option: '--proxies',
      value: one,
      allowed: 'addresses and networks, such as 203.0.113.0/24; or none',
    })
  })
}

function countOf(option: string, value: string | boolean): number {
  const count = Number(value)
  if (Number.isInteger(count) && count >= 1 && count <= 100) return count
  throw BadOptionValue({ option, value: String(value), allowed: 'a number from 1 to 100' })
}

function sizeOf(option: string, value: string | boolean): { memory: number; cores: number } {
  const [, memory, cores] = /^(\d+(?:\.\d+)?)\s*G(?:i?B)?,(\d+)$/i.exec(String(value)) ?? []
  if (Number(memory) >= 0.5 && Number(cores) >= 1) return { memory: Number(memory), cores: Number(cores) }
  throw BadOptionValue({ option, value: String(value), allowed: 'memory (at least 0.5GB) and cores, such as 4GB,2' })
}

function stageOf(text: string): Stage {
  const stage = STAGES.find((one) => String(one) === text || LADDER.find((row) => row.stage === one)?.name === text)
  if (stage === undefined) throw NoSuchStage({ stage: text })
  return stage
}

function targetsOf(value: string | boolean | undefined): Target[] | undefined {
  if (value === undefined) return undefined
  return String(value)
    .split(',')
    .map((name) => {
      const target = TARGETS.find((one) => one === name.trim())
      if (!target) throw BadOptionValue({ option: '--for', value: name, allowed: `some of ${TARGETS.join(', ')}` })
      return target
    })
}

/** The variables without which some module's settings are refused. */
async function neededSettings({ app }: Project): Promise<string[]> {
  const names = new Set<string>()
  for (const { settings } of app.modules) {
    const result = settings && (await validate(settings, {}))
    if (result && !result.ok) for (const { path } of result.issues) if (path !== '') names.add(path)
  }
  return [...names].sort()
}
