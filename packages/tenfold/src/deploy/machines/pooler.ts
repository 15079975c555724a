/** PgBouncer on the machine of its server: the settings that `database` makes, without the passwords. */
import { poolerSettings, type PoolerSettings } from '../../database/index.ts'
import type { Facts, Stage } from '../deploy.ts'
import { databaseSize, postgresSettings } from '../sizing.ts'

/** Processes that the primary hears of: for each a direct connection for LISTEN. */
export function processesOf({ instances, machine }: Facts): number {
  return (instances + 1) * (machine.cores + 1)
}

export function pgbouncerIni(facts: Facts, stage: Stage): string {
  const { ini } = poolerOf(facts, stage, 'no secret is in the settings, only in the list of users')
  return `; PgBouncer for ${facts.app}. Goes to /etc/pgbouncer/pgbouncer.ini; the list of users is made on the machine:
;   tenfold deploy userlist > /etc/pgbouncer/userlist.txt      (with the SECRET_KEY of the app)
; then: systemctl reload pgbouncer
${ini.replace('auth_file = userlist.txt', 'auth_file = /etc/pgbouncer/userlist.txt')}
logfile = /var/log/postgresql/pgbouncer.log
pidfile = /run/postgresql/pgbouncer.pid
unix_socket_dir = /run/postgresql
`
}

/** Names and passwords of the app's roles, for PgBouncer. */
export function userlist(facts: Facts, secretKey: string): string {
  return poolerOf(facts, 3, secretKey).userlist
}

function poolerOf(facts: Facts, stage: Stage, secretKey: string): PoolerSettings {
  return poolerSettings({
    app: facts.app,
    modules: facts.modules,
    secretKey,
    server: { host: '127.0.0.1', port: 5432, database: facts.app },
    listen: { address: '*', port: 6432 },
    maxConnections: Math.max(
      postgresSettings(databaseSize(facts, stage), true).maxConnections,
      // The least that has room for every role.
      facts.modules.length + 1 + 10 + processesOf(facts),
    ),
    processes: processesOf(facts),
  })
}
