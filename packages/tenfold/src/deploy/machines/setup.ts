/** The script that makes a bare Debian 13 machine into one of those of a stage. Safe to run again. */
import type { Facts, Stage } from '../deploy.ts'
import { serviceName } from '../names.ts'
import { POSTGRES } from './postgres.ts'
import { type Machine } from './places.ts'

export function setupScript(facts: Facts, stage: Stage, machine: Machine): string {
  const parts = [...partsOf(stage, machine)]
  return `#!/usr/bin/env bash
# Sets up the machine "${machine}" of ${facts.app}: Debian 13, as root, from the folder in which this lies.
# Safe to run again: it installs what is missing, copies what has changed, and restarts only what that concerns.
set -euo pipefail
cd "$(dirname "\${BASH_SOURCE[0]}")"

install_packages() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }
# put <file> [<mode>]: copies etc/… to /etc/…; succeeds only if that changed something.
put() {
  if cmp -s "$1" "/$1"; then return 1; fi
  install -D -m "\${2:-644}" "$1" "/$1" && echo "changed /$1"
}

apt-get update
install_packages ca-certificates curl nftables unattended-upgrades
put etc/apt/apt.conf.d/52unattended-upgrades || true
put etc/systemd/journald.conf.d/${serviceName(facts)}.conf && systemctl restart systemd-journald || true
put etc/sysctl.d/60-${serviceName(facts)}.conf && sysctl --system >/dev/null || true
${parts.map((part) => PARTS[part](facts, stage, machine)).join('\n')}
# Last, when all else is there: a mistake here locks you out.
nft -c -f etc/nftables.conf
if put etc/nftables.conf 755; then systemctl enable nftables && systemctl restart nftables; fi
echo "ready"
`
}

type Part = 'app' | 'balancer' | 'postgres' | 'replica' | 'pgbouncer' | 'valkey'

function* partsOf(stage: Stage, machine: Machine): Generator<Part> {
  if (machine === 'database' || (machine === 'app' && stage === 1)) yield 'postgres'
  if (machine === 'replica') yield 'replica'
  if ((machine === 'database' || machine === 'replica') && stage >= 3) yield 'pgbouncer'
  if (machine === 'redis') yield 'valkey'
  if (machine === 'app' || machine === 'worker' || machine === 'service') yield 'app'
  if (machine === 'balancer' || (machine === 'app' && stage < 3)) yield 'balancer'
}

const PARTS: Record<Part, (facts: Facts, stage: Stage, machine: Machine) => string> = {
  app(facts, stage, machine) {
    const name = serviceName(facts)
    const backups = machine === 'app' ? stage < 3 : machine === 'worker'
    return `
# The app: Node.js 24, a user without a shell, folders for releases, and the service.
if ! node --version 2>/dev/null | grep -Eq '^v(2[4-9]|[3-9][0-9])'; then
  install -d -m 755 /etc/apt/keyrings
  curl -fsSL https://deb.nodesource.com/gpgkey/nodesource-repo.gpg.key -o /etc/apt/keyrings/nodesource.asc
  echo 'deb [signed-by=/etc/apt/keyrings/nodesource.asc] https://deb.nodesource.com/node_24.x nodistro main' >/etc/apt/sources.list.d/nodesource.list
  apt-get update && install_packages nodejs
fi
id -u ${name} >/dev/null 2>&1 || useradd --system --home-dir /var/lib/${name} --shell /usr/sbin/nologin ${name}
install -d -m 755 /srv/${name}/releases
install -d -m 750 -o root -g ${name} /etc/${name}
# Filled in by hand, once; it holds the secrets and is never overwritten.
[ -e /etc/${name}/env ] || install -m 640 -o root -g ${name} etc/${name}/env.example /etc/${name}/env
for unit in etc/systemd/system/*; do put "$unit" && systemctl daemon-reload || true; done
[ ! -e /srv/${name}/current ] || systemctl enable --now ${name}${backups ? ` ${name}-backup.timer ${name}-verify.timer` : ''}
`
  },
  balancer(facts) {
    return `
# The web server in front, and certificates for it by ACME: certbot renews them by a timer of its own.
install_packages nginx certbot
install -d -m 755 /var/www/acme
rm -f /etc/nginx/sites-enabled/default
put etc/letsencrypt/renewal-hooks/deploy/reload-nginx 755 || true
if put etc/nginx/conf.d/acme.conf; then systemctl enable nginx && systemctl restart nginx; fi
if [ ! -e /etc/letsencrypt/live/${facts.domain}/fullchain.pem ]; then
  certbot certonly --webroot --webroot-path /var/www/acme --non-interactive --agree-tos \\
    --register-unsafely-without-email --domain ${facts.domain}
fi
if put etc/nginx/conf.d/${serviceName(facts)}.conf; then nginx -t && systemctl reload nginx; fi
`
  },
  postgres(facts) {
    return `
# Postgres ${POSTGRES}, from the project's own packages.
${POSTGRES_PACKAGES}
install_packages postgresql-${POSTGRES}
if put etc/postgresql/${POSTGRES}/main/conf.d/${facts.app}.conf; then systemctl restart postgresql@${POSTGRES}-main; fi
if put etc/postgresql/${POSTGRES}/main/pg_hba.conf 640; then
  chown postgres:postgres /etc/postgresql/${POSTGRES}/main/pg_hba.conf
  systemctl reload postgresql@${POSTGRES}-main
fi
# The role's password is made here, once, and printed for DATABASE_URL.
if ! runuser -u postgres -- psql -Atc "select from pg_roles where rolname = '${facts.app}_deploy'" | grep -q .; then
  password=$(openssl rand -hex 24)
  runuser -u postgres -- psql --quiet --set=ON_ERROR_STOP=1 --set=password="$password" --file=- <database.sql
  echo "the password of ${facts.app}_deploy, for DATABASE_URL: $password"
fi
`
  },
  replica(facts) {
    return `
# A copy of the primary that follows it. PRIMARY_PASSWORD and SLOT (replica_1, replica_2, …) come from the environment.
${POSTGRES_PACKAGES}
install_packages postgresql-${POSTGRES}
put etc/postgresql/${POSTGRES}/main/pg_hba.conf 640 || true
chown postgres:postgres /etc/postgresql/${POSTGRES}/main/pg_hba.conf
put etc/postgresql/${POSTGRES}/main/conf.d/${facts.app}.conf || true
if [ ! -e /var/lib/postgresql/${POSTGRES}/main/standby.signal ]; then
  : "\${PRIMARY_PASSWORD:?the password of ${facts.app}_replication}" "\${SLOT:?the slot of this replica, such as replica_1}"
  systemctl stop postgresql@${POSTGRES}-main
  # The new cluster of the package is empty; it is kept beside the copy.
  mv /var/lib/postgresql/${POSTGRES}/main "/var/lib/postgresql/${POSTGRES}/main.before-$(date +%s)"
  PGPASSWORD="$PRIMARY_PASSWORD" runuser -u postgres -- pg_basebackup --pgdata=/var/lib/postgresql/${POSTGRES}/main \\
    --host=database --username=${facts.app}_replication --slot="$SLOT" --write-recovery-conf --checkpoint=fast --progress
fi
systemctl restart postgresql@${POSTGRES}-main
`
  },
  pgbouncer() {
    return `
install_packages pgbouncer
if put etc/pgbouncer/pgbouncer.ini 640; then
  chown postgres:postgres /etc/pgbouncer/pgbouncer.ini
  if [ -s /etc/pgbouncer/userlist.txt ]; then systemctl enable pgbouncer && systemctl restart pgbouncer
  else echo "missing: tenfold deploy userlist > /etc/pgbouncer/userlist.txt (on a machine of the app), then systemctl restart pgbouncer"; fi
fi
`
  },
  valkey(facts) {
    return `
install_packages valkey-server openssl
if [ ! -e /etc/valkey/password.conf ]; then
  password=$(openssl rand -hex 32)
  install -m 640 -o root -g valkey /dev/stdin /etc/valkey/password.conf <<<"requirepass $password"
  echo "the password of Valkey, for REDIS_URL: $password"
fi
grep -q '^include /etc/valkey/${facts.app}.conf' /etc/valkey/valkey.conf || echo 'include /etc/valkey/${facts.app}.conf' >>/etc/valkey/valkey.conf
if put etc/valkey/${facts.app}.conf; then systemctl enable valkey-server && systemctl restart valkey-server; fi
`
  },
}

const POSTGRES_PACKAGES = `if [ ! -e /etc/apt/sources.list.d/pgdg.list ]; then
  install -d -m 755 /usr/share/postgresql-common/pgdg
  curl -fsSL https://www.postgresql.org/media/keys/ACCC4CF8.asc -o /usr/share/postgresql-common/pgdg/apt.postgresql.org.asc
  . /etc/os-release
  echo "deb [signed-by=/usr/share/postgresql-common/pgdg/apt.postgresql.org.asc] https://apt.postgresql.org/pub/repos/apt $VERSION_CODENAME-pgdg main" >/etc/apt/sources.list.d/pgdg.list
  apt-get update
fi`
