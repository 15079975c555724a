/** Whether a module can run on another host, and what that would change: from its definitions and the environment. */
import type { Environment } from '../../config/index.ts'
import { nameOf, type Module } from '../../modules/index.ts'
import { implementationOf } from '../calls.ts'
import { variableOf } from './places.ts'

export interface SplitReport {
  module: string
  /** What has to be changed before. */
  blocks: string[]
  /** What would be otherwise than in one process. */
  changes: string[]
  /** Goes to its host: for the load balancer. */
  routes: string[]
  /** Run on its host, wherever they are enqueued. */
  jobs: string[]
  methods: { name: string; callers: string[]; idempotent: boolean; batch: boolean }[]
  /** Modules that it calls itself: their code runs on its host, too, unless their variable says where they are. */
  uses: { module: string; variable: string }[]
  /** What to set, and what to start. */
  steps: string[]
}

export function splitReport(module: Module, modules: readonly Module[], environment: Environment): SplitReport {
  const { name } = module
  const contract = implementationOf(module)?.contract
  const callersOf = (): string[] =>
    modules.filter(({ uses }) => Object.values(uses).some((used) => used.name === name)).map((one) => one.name)
  const methods = Object.entries(contract?.methods ?? {}).map(([method, { idempotent, batch }]) => ({
    name: `${name}.${method}`,
    callers: callersOf(),
    idempotent: idempotent === true,
    batch: batch === true,
  }))
  const partsOf = (...kinds: string[]): string[] =>
    module.parts.filter(({ kind }) => kinds.includes(kind)).map((part) => nameOf(part))
  const uses = Object.values(module.uses).map((used) => ({ module: used.name, variable: variableOf(used.name) }))
  const once = methods.filter(({ idempotent }) => !idempotent).map((method) => method.name)
  return {
    module: name,
    blocks: blocksOf(environment, modules),
    changes: [
      ...(once.length > 0
        ? [`${once.join(', ')}: not declared idempotent, so a lost answer is an error and is not asked for again`]
        : []),
      ...(environment.storageUrl?.startsWith('file:')
        ? ['files: STORAGE_URL is a folder; both hosts need the same one, or an s3:// address']
        : []),
    ],
    routes: partsOf('route'),
    jobs: partsOf('job', 'cron', 'subscription'),
    methods,
    uses,
    steps: [
      `on its host:   tenfold start --modules ${name}`,
      `on the others: ${variableOf(name)}=http://… tenfold start`,
      ...(partsOf('route').length > 0 ? ['load balancer: its routes to its host'] : []),
      'the same DATABASE_URL, SECRET_KEY and STORAGE_URL on all of them',
    ],
  }
}

function blocksOf({ databaseUrl, secretKey, storageUrl }: Environment, modules: readonly Module[]): string[] {
  const wanted: [boolean, string][] = [
    [!databaseUrl, 'DATABASE_URL: the embedded database can be reached from this machine only'],
    [!secretKey, 'SECRET_KEY: calls between hosts are signed with it, and the one in .tenfold/secret stays here'],
    [!storageUrl, 'STORAGE_URL: files in .tenfold/files are on this machine only'],
    [modules.length < 2, 'there is no other module to split it from'],
  ]
  return wanted.filter(([is]) => is).map(([, block]) => block)
}
