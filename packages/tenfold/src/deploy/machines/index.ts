/** A folder for each machine of a stage, laid out like its file system. */
import type { Facts, PlannedFile, Stage } from '../deploy.ts'
import { environmentFile, variablesOf } from '../environment.ts'
import { serviceName } from '../names.ts'
import { backupUnits } from './backups.ts'
import { firewall } from './firewall.ts'
import {
  alertReceivers,
  alertRules,
  collector,
  dashboardJson,
  grafanaFolder,
  grafanaSource,
  onMachines,
  prometheusYml,
} from '../observe/index.ts'
import { machinesOf, placesOf, type Machine } from './places.ts'
import { pgbouncerIni } from './pooler.ts'
import { databaseSql, hbaConf, POSTGRES, postgresConf } from './postgres.ts'
import { serviceUnit } from './service.ts'
import { setupScript } from './setup.ts'
import { journald, sysctl, unattendedUpgrades } from './system.ts'
import { valkeyConf } from './valkey.ts'
import { webFiles } from './web.ts'

export function machineFiles(facts: Facts, stage: Stage): PlannedFile[] {
  return machinesOf(stage).flatMap((machine) =>
    [...filesOf(facts, stage, machine)].map((file) => ({ ...file, path: `machines/${machine}/${file.path}` })),
  )
}

function* filesOf(facts: Facts, stage: Stage, machine: Machine): Generator<PlannedFile> {
  const name = serviceName(facts)
  yield {
    path: 'setup.sh',
    text: setupScript(facts, stage, machine),
    about: 'makes a bare Debian 13 into this machine',
    executable: true,
  }
  yield {
    path: `etc/systemd/journald.conf.d/${name}.conf`,
    text: journald(facts),
    about: 'how much of the logs is kept',
  }
  yield {
    path: 'etc/apt/apt.conf.d/52unattended-upgrades',
    text: unattendedUpgrades(),
    about: 'security updates by themselves',
  }
  yield { path: `etc/sysctl.d/60-${name}.conf`, text: sysctl(), about: 'limits of the kernel' }
  yield {
    path: 'etc/nftables.conf',
    text: firewall(facts, stage, machine),
    about: 'which ports are open, and to whom',
    executable: true,
  }
  if (['app', 'worker', 'service'].includes(machine)) yield* appFiles(facts, stage, machine)
  if (machine === 'balancer' || (machine === 'app' && stage < 3)) yield* webFiles(facts, stage)
  if (machine === 'database' || (machine === 'app' && stage === 1)) {
    yield { path: 'database.sql', text: databaseSql(facts, stage), about: 'the database, and the role that deploys' }
    yield* postgresFiles(facts, stage, 'primary')
  }
  if (machine === 'replica') yield* postgresFiles(facts, stage, 'replica')
  if (machine === 'observe') yield* watchFiles(facts, stage)
  if (machine === 'redis')
    yield {
      path: `etc/valkey/${facts.app}.conf`,
      text: valkeyConf(facts),
      about: 'Valkey: bounded, never evicting, on disk',
    }
}

function* appFiles(facts: Facts, stage: Stage, machine: Machine): Generator<PlannedFile> {
  const name = serviceName(facts)
  const variables = variablesOf(facts, stage, placesOf(facts, stage))
  yield {
    path: `etc/${name}/env.example`,
    text: environmentFile(variables),
    about: 'the environment; secrets are filled in on the machine',
  }
  yield {
    path: `etc/systemd/system/${name}.service`,
    text: serviceUnit(facts, stage, machine),
    about: 'the app: hardened, limited, started again',
  }
  if (machine === 'app' ? stage >= 3 : machine !== 'worker') return
  for (const [unit, text] of Object.entries(backupUnits(facts)))
    yield {
      path: `etc/systemd/system/${unit}`,
      text,
      about: unit.includes('verify') ? 'the proof of the newest backup' : 'backups every night',
    }
}

function* watchFiles(facts: Facts, stage: Stage): Generator<PlannedFile> {
  const name = serviceName(facts)
  const dashboards = '/etc/grafana/dashboards'
  const prometheus = prometheusYml(facts, {
    found: onMachines(facts, stage),
    token: `/etc/prometheus/${name}.token`,
    rules: `/etc/prometheus/rules/${name}.yml`,
    alertmanager: '127.0.0.1:9093',
  })
  const texts: [path: string, text: string, about: string][] = [
    ['etc/prometheus/prometheus.yml', prometheus, 'which processes Prometheus asks'],
    [`etc/prometheus/rules/${name}.yml`, alertRules(facts), "the app's alert rules, for Prometheus"],
    ['etc/prometheus/alertmanager.yml', alertReceivers(facts, '/etc/prometheus/secrets'), 'whom Alertmanager tells'],
    [
      `etc/grafana/provisioning/datasources/${name}.yaml`,
      grafanaSource(facts, 'http://127.0.0.1:9090'),
      'where Grafana finds Prometheus',
    ],
    [
      `etc/grafana/provisioning/dashboards/${name}.yaml`,
      grafanaFolder(facts, dashboards),
      'where Grafana finds the dashboard',
    ],
    [`${dashboards.slice(1)}/${name}.json`, dashboardJson(facts, stage), 'the dashboard'],
    ['etc/otelcol-contrib/config.yaml', collector(facts), 'the collector: takes what comes by OTLP, and hands it on'],
  ]
  for (const [path, text, about] of texts) yield { path, text, about }
}

function* postgresFiles(facts: Facts, stage: Stage, kind: 'primary' | 'replica'): Generator<PlannedFile> {
  const folder = `etc/postgresql/${POSTGRES}/main`
  yield {
    path: `${folder}/conf.d/${facts.app}.conf`,
    text: postgresConf(facts, stage, kind),
    about: 'Postgres, sized to its machine',
  }
  yield { path: `${folder}/pg_hba.conf`, text: hbaConf(facts, stage), about: 'who may log in, and from where' }
  if (stage >= 3)
    yield {
      path: 'etc/pgbouncer/pgbouncer.ini',
      text: pgbouncerIni(facts, stage),
      about: 'PgBouncer in transaction mode, a pool for each role',
    }
}
