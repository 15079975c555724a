/** The variables of each part at a stage, and where their values come from. */
import type { Facts, Stage } from './deploy.ts'
import { METRICS_PORT } from './names.ts'

export interface Variable {
  name: string
  /** Without a value it has to be given by hand. */
  value: string | undefined
  secret: boolean
  about: string
}

/** Where the parts find each other: names that machines, Compose and Kubernetes each make true in their own way. */
export interface Places {
  /** Host and port for statements, and past the pooler. */
  database: string
  direct: string
  replicas: readonly string[]
  redis: string
  /** Addresses of the proxies whose word about the client is believed. */
  proxies: string
  files: string
  /** At which address the app listens. Absent: at all of them. */
  host?: string
  /** At which address Prometheus asks for metrics. Absent: nobody does. */
  metrics?: string
  /** Where the OpenTelemetry collector is, when there is one. */
  collector?: string
}

export function variablesOf(facts: Facts, stage: Stage, places: Places): Variable[] {
  const url = (host: string): string => `postgres://${facts.app}_deploy:PASSWORD@${host}/${facts.app}`
  const known = (name: string, value: string, about: string): Variable => ({ name, value, secret: false, about })
  const secret = (name: string, about: string, value?: string): Variable => ({ name, value, secret: true, about })
  return [
    known('NODE_ENV', 'production', 'JSON logs, no embedded services'),
    known('PUBLIC_URL', `https://${facts.domain}`, 'cookies and links are made for it'),
    known('PORT', '3000', 'where the app listens'),
    ...(places.host === undefined ? [] : [known('HOST', places.host, 'at which address')]),
    secret(
      'SECRET_KEY',
      'openssl rand -base64 48; the same everywhere. To change it, see “Changing SECRET_KEY” in docs/guide/configuration.md',
    ),
    secret('DATABASE_URL', 'of statements', url(places.database)),
    ...(places.direct === places.database
      ? []
      : [secret('DATABASE_DIRECT_URL', 'past the pooler, for migrations and LISTEN', url(places.direct))]),
    ...(stage >= 4 && places.replicas.length > 0
      ? [secret('DATABASE_REPLICA_URLS', 'reads go there', places.replicas.map(url).join(','))]
      : []),
    ...(stage >= 5 ? [secret('REDIS_URL', 'jobs that are set to Redis', `redis://:PASSWORD@${places.redis}/0`)] : []),
    stage >= 3
      ? secret('STORAGE_URL', 'the bucket for files; a folder would be another one on each machine')
      : known('STORAGE_URL', places.files, 'the folder for files'),
    known('TRUST_PROXY', places.proxies, 'whose word about the address of a client is believed'),
    known('DRAIN_DELAY', '5s', 'between not ready and closed, for balancers to notice'),
    ...(places.metrics === undefined
      ? []
      : [
          known(
            'METRICS_PORT',
            String(METRICS_PORT),
            'where Prometheus asks; other processes have the ports that follow',
          ),
          known('METRICS_HOST', places.metrics, 'at which address'),
          secret('METRICS_TOKEN', 'what Prometheus sends as a bearer token'),
        ]),
    ...(places.collector === undefined
      ? []
      : [
          known(
            'OTEL_EXPORTER_OTLP_ENDPOINT',
            '',
            `${places.collector} sends traces, metrics and logs to the collector`,
          ),
        ]),
    secret('TENFOLD_CONSOLE_TOKEN', 'opens the console; without it the console stays closed'),
    ...facts.settings.map((name) => secret(name, 'asked for by a module')),
  ]
}

/** As systemd and Docker read it. Secrets are left to be filled in. */
export function environmentFile(variables: readonly Variable[]): string {
  return variables.map(({ name, value, about }) => `# ${about}\n${name}=${value ?? ''}\n`).join('')
}
