/** A stage on one machine with Docker Compose: every part in a container of its own, with limits. */
import { haproxyConfig, nginxSite, type BalancerOptions } from '../balancers/index.ts'
import { pgbouncerIni } from '../machines/pooler.ts'
import { hbaConf } from '../machines/postgres.ts'
import type { Facts, PlannedFile, Stage } from '../deploy.ts'
import { environmentFile, variablesOf, type Places } from '../environment.ts'
import { serviceName } from '../names.ts'
import { observeFiles } from './observe.ts'
import { composeYaml } from './compose.ts'

export function composeFiles(facts: Facts, stage: Stage): PlannedFile[] {
  const files: PlannedFile[] = [
    { path: 'compose.yaml', text: composeYaml(facts, stage), about: 'the parts, their limits and their order' },
    {
      path: 'env.example',
      text: environmentFile(environmentOf(facts, stage)),
      about: 'the environment; copy it to `env` and fill in the secrets',
    },
    site(facts),
    { path: 'initdb.sql', text: initdb(facts, stage), about: 'the database, and the role that deploys' },
  ]
  if (stage >= 3)
    files.push(
      {
        path: 'pgbouncer/pgbouncer.ini',
        text: pgbouncerIni(facts, stage).replace('host=127.0.0.1', 'host=database'),
        about: 'PgBouncer in transaction mode',
      },
      { path: 'pgbouncer/Dockerfile', text: POOLER_IMAGE, about: "an image of PgBouncer, from Debian's own package" },
    )
  if (stage >= 4)
    files.push({
      path: 'pg_hba.conf',
      text: hbaConf(facts, stage).replaceAll('10.0.0.0/24', 'samenet'),
      about: 'who may log in',
    })
  if (stage >= 2) files.push(...observeFiles(facts, stage))
  return files.map((file) => ({ ...file, path: `compose/${file.path}` }))
}

function site(facts: Facts): PlannedFile {
  const options: BalancerOptions = {
    app: serviceName(facts),
    instances: [{ name: 'app', host: 'app', port: 3000, upTo: 20 }],
    listen: { port: 80 },
    // What ends TLS in front of it is on the network of this machine.
    trustedProxies: ['172.16.0.0/12', '127.0.0.0/8', ...facts.proxies],
  }
  const about = 'the requests to the instances; TLS ends in front of it'
  return facts.balancer === 'haproxy'
    ? { path: 'haproxy.cfg', text: haproxyConfig(options), about: `HAProxy: ${about}` }
    : { path: 'nginx.conf', text: nginxSite(options), about: `nginx: ${about}` }
}

function environmentOf(facts: Facts, stage: Stage) {
  const places: Places = {
    database: stage >= 3 ? 'pgbouncer:6432' : 'database:5432',
    direct: 'database:5432',
    replicas: ['replica:5432'],
    redis: 'valkey:6379',
    proxies: '172.16.0.0/12',
    files: 'file:///var/lib/app/files',
    ...(stage >= 2 && { metrics: '0.0.0.0' }),
  }
  const own = (name: string, about: string) => ({ name, value: undefined, secret: true, about })
  return [
    ...variablesOf(facts, stage, places),
    own('POSTGRES_PASSWORD', 'of the role postgres and of the one that deploys: the PASSWORD in DATABASE_URL'),
    ...(stage >= 2
      ? [
          own('OTLP_BACKEND', 'where the collector sends to, with observe.yaml'),
          own('OTLP_TOKEN', 'what it sends as a bearer token'),
        ]
      : []),
    ...(stage >= 5 ? [own('VALKEY_PASSWORD', 'the PASSWORD in REDIS_URL')] : []),
  ]
}

function initdb({ app }: Facts, stage: Stage): string {
  return `-- Run once by the image of Postgres, on an empty data folder.
\\getenv password POSTGRES_PASSWORD
create role ${app}_deploy login createrole replication password :'password';
create database ${app} owner ${app}_deploy;
grant pg_read_all_stats to ${app}_deploy with admin option;
grant pg_read_all_settings to ${app}_deploy;
${stage >= 4 ? `create role ${app}_replication login replication password :'password';\nselect pg_create_physical_replication_slot('replica_1');\n` : ''}\\connect ${app}
create extension if not exists pg_stat_statements;
`
}

const POOLER_IMAGE = `# PgBouncer as Debian packages it, without rights.
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends pgbouncer && rm -rf /var/lib/apt/lists/*
USER postgres
EXPOSE 6432
CMD ["pgbouncer", "/etc/pgbouncer/pgbouncer.ini"]
`
