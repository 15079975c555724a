/** The script that makes a bare Debian 13 machine into one of those of a stage. Safe to run again. */
import type { Facts, Stage } from '../deploy.ts'
import { serviceName } from '../names.ts'
import { POSTGRES } from './postgres.ts'
import { type Machine } from './places.ts'
import { CERTBOT_PORT } from './web.ts'

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

type Part = 'app' | 'balancer' | 'postgres' | 'replica' | 'pgbouncer' | 'valkey' | 'watching'

function* partsOf(stage: Stage, machine: Machine): Generator<Part> {
  if (machine === 'database' || (machine === 'app' && stage === 1)) yield 'postgres'
  if (machine === 'replica') yield 'replica'
  if ((machine === 'database' || machine === 'replica') && stage >= 3) yield 'pgbouncer'
  if (machine === 'redis') yield 'valkey'
  if (machine === 'observe') yield 'watching'
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
# It starts with the machine; now it starts if there is a release, and otherwise with the first one.
systemctl enable ${name}
[ ! -e /srv/${name}/current ] || systemctl start ${name}
${backups ? `systemctl enable --now ${name}-backup.timer ${name}-verify.timer\n` : ''}`
  },
  balancer(facts) {
    if (facts.balancer === 'haproxy') return haproxy(facts)
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
if ! runuser -u postgres -- psql -Atc "select 1 from pg_roles where rolname = '${facts.app}_deploy'" | grep -q 1; then
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
  watching(facts) {
    const name = serviceName(facts)
    return `
# Prometheus and Alertmanager from Debian, Grafana from its own packages. All listen on this machine alone; from yours:
#   ssh -L 3000:127.0.0.1:3000 -L 9090:127.0.0.1:9090 <this machine>
if [ ! -e /etc/apt/sources.list.d/grafana.list ]; then
  install -d -m 755 /etc/apt/keyrings
  curl -fsSL https://apt.grafana.com/gpg.key -o /etc/apt/keyrings/grafana.asc
  echo 'deb [signed-by=/etc/apt/keyrings/grafana.asc] https://apt.grafana.com stable main' >/etc/apt/sources.list.d/grafana.list
  apt-get update
fi
install_packages prometheus prometheus-alertmanager grafana
only_here() { # only_here <service> <variable> <arguments>: what Debian's units read
  if [ "$(cat "/etc/default/$1")" != "$2='$3'" ]; then echo "$2='$3'" >"/etc/default/$1" && systemctl restart "$1"; fi
}
only_here prometheus ARGS '--web.listen-address=127.0.0.1:9090'
only_here prometheus-alertmanager ARGS '--web.listen-address=127.0.0.1:9093 --cluster.listen-address='
if [ ! -s /etc/prometheus/${name}.token ]; then
  install -m 640 -o root -g prometheus /dev/null /etc/prometheus/${name}.token
  echo "missing: METRICS_TOKEN of the app in /etc/prometheus/${name}.token"
fi
install -d -m 750 -o root -g prometheus /etc/prometheus/secrets
changed=0
put etc/prometheus/rules/${name}.yml && changed=1
put etc/prometheus/prometheus.yml && changed=1
[ $changed = 0 ] || { promtool check config /etc/prometheus/prometheus.yml && systemctl reload-or-restart prometheus; }
if put etc/prometheus/alertmanager.yml; then
  amtool check-config /etc/prometheus/alertmanager.yml && systemctl reload-or-restart prometheus-alertmanager
fi
changed=0
put etc/grafana/provisioning/datasources/${name}.yaml && changed=1
put etc/grafana/provisioning/dashboards/${name}.yaml && changed=1
put etc/grafana/dashboards/${name}.json || true
# Debian's and Grafana's default is every address.
if ! grep -q '^http_addr = 127.0.0.1' /etc/grafana/grafana.ini; then
  sed -i 's/^;\\?http_addr =.*/http_addr = 127.0.0.1/' /etc/grafana/grafana.ini && changed=1
fi
[ $changed = 0 ] || { systemctl enable grafana-server && systemctl restart grafana-server; }

# The collector is in no repository of packages: https://github.com/open-telemetry/opentelemetry-collector-releases has a .deb
# of otelcol-contrib. Without it, the app's own records and Prometheus are all there is, and nothing is missing.
if put etc/otelcol-contrib/config.yaml && command -v otelcol-contrib >/dev/null; then systemctl restart otelcol-contrib; fi
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

function haproxy({ domain }: Facts): string {
  return `
# HAProxy in front, and certificates for it by ACME: certbot renews them by a timer of its own, and answers through HAProxy.
install_packages haproxy certbot openssl
install -d -m 700 /etc/haproxy/certificates
put etc/letsencrypt/renewal-hooks/deploy/reload-haproxy 755 || true
if [ ! -e /etc/haproxy/certificates/${domain}.pem ]; then
  # HAProxy does not start without one: this one is signed by nobody, and gone in a moment.
  (umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=${domain} \\
    -keyout /etc/haproxy/certificates/key -out /etc/haproxy/certificates/certificate 2>/dev/null
    cat /etc/haproxy/certificates/certificate /etc/haproxy/certificates/key >/etc/haproxy/certificates/${domain}.pem
    rm /etc/haproxy/certificates/certificate /etc/haproxy/certificates/key)
fi
if put etc/haproxy/haproxy.cfg; then
  haproxy -c -q -f /etc/haproxy/haproxy.cfg && systemctl enable haproxy && systemctl reload-or-restart haproxy
fi
if [ ! -e /etc/letsencrypt/live/${domain}/fullchain.pem ]; then
  certbot certonly --standalone --http-01-address 127.0.0.1 --http-01-port ${CERTBOT_PORT} --non-interactive --agree-tos \\
    --register-unsafely-without-email --domain ${domain}
fi
`
}

const POSTGRES_PACKAGES = `if [ ! -e /etc/apt/sources.list.d/pgdg.list ]; then
  install -d -m 755 /usr/share/postgresql-common/pgdg
  curl -fsSL https://www.postgresql.org/media/keys/ACCC4CF8.asc -o /usr/share/postgresql-common/pgdg/apt.postgresql.org.asc
  . /etc/os-release
  echo "deb [signed-by=/usr/share/postgresql-common/pgdg/apt.postgresql.org.asc] https://apt.postgresql.org/pub/repos/apt $VERSION_CODENAME-pgdg main" >/etc/apt/sources.list.d/pgdg.list
  apt-get update
fi`
