/** What an app is made of and how it is set, as data: for the console's page of modules. */
import type { Module, Part } from '../modules/index.ts'
import type { ModulesView } from '../inspect/index.ts'
import { withoutPassword } from './bindings.ts'
import type { Ground } from './instance.ts'

/** Read by the platform; a module's own are in its `settings`. */
const VARIABLES = [
  'NODE_ENV',
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'DATABASE_REPLICA_URLS',
  'REDIS_URL',
  'STORAGE_URL',
  'SMTP_URL',
  'PORT',
  'HOST',
  'CONSOLE_PORT',
  'CONSOLE_HOST',
  'METRICS_PORT',
  'PUBLIC_URL',
  'TRUST_PROXY',
  'CORS_ORIGINS',
  'LOG_LEVEL',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'SECRET_KEY',
  'SECRET_KEY_PREVIOUS',
  'TENFOLD_CONSOLE_TOKEN',
  'TENFOLD_CONSOLE_READ_TOKEN',
]
const SECRET = /KEY|TOKEN|SECRET|PASSWORD|HEADERS/

export function describeApp({ app, serving, environment, config, roles }: Ground): ModulesView {
  const remote = Object.keys(environment.variables).filter((name) => /^REMOTE_[A-Z0-9_]+_URL$/.test(name))
  return {
    modules: app.modules.map((module) => ({
      name: module.name,
      served: serving.includes(module),
      uses: Object.keys(module.uses),
      listensTo: [...new Set(of(module, 'subscription').map(({ shape }) => shape.module))],
      routes: of(module, 'route').map(({ path }) => path),
      jobs: of(module, 'job').map(({ name }) => name),
      crons: of(module, 'cron').map(({ name }) => name),
      events: of(module, 'event').map(({ shape }) => shape.name),
      caches: of(module, 'cache').map(({ name }) => name),
      metrics: of(module, 'metric').map(({ name }) => name),
    })),
    roles: [...roles],
    variables: [...VARIABLES, ...remote].map((name) => ({ name, value: shown(name, environment.variables[name]) })),
    config: JSON.parse(JSON.stringify(config, hidden)) as Record<string, unknown>,
  }
}

function of<K extends Part['kind']>(module: Module, kind: K): Extract<Part, { kind: K }>[] {
  return module.parts.filter((part): part is Extract<Part, { kind: K }> => part.kind === kind)
}

/** Undefined when it is not set. */
function shown(name: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined
  if (SECRET.test(name)) return '(hidden)'
  return value
    .split(',')
    .map((one) => (one.includes('://') ? withoutPassword(one.trim()) : one))
    .join(', ')
}

function hidden(key: string, value: unknown): unknown {
  if (typeof value === 'string' && SECRET.test(key.toUpperCase())) return '(hidden)'
  return typeof value === 'string' && value.includes('://') ? withoutPassword(value) : value
}
