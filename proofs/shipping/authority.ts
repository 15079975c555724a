/** A certificate authority on the machine itself: Pebble, which Let's Encrypt's own authority is tested with. It asks the web
 *  server for its challenges as the real one does (RFC 8555, http-01), and nothing in the files of the machine knows it. */
import { join } from 'node:path'
import { put } from './debian.ts'
import type { Machine } from './machine.ts'

const FOLDER = '/opt/proof/authority'
const DIRECTORY = 14_000
const ROOTS = 15_000

/** Starts it, and points certbot there. What it signs is checked with /opt/proof/certificate.pem. */
export async function startAuthority(machine: Machine): Promise<void> {
  put(
    machine.root,
    `${FOLDER}/pebble.json`,
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${DIRECTORY}`,
        managementListenAddress: `127.0.0.1:${ROOTS}`,
        certificate: `${FOLDER}/own.pem`,
        privateKey: `${FOLDER}/own.key`,
        httpPort: 80,
        tlsPort: 443,
      },
    }),
  )
  put(
    machine.root,
    join('root', '.config/letsencrypt/cli.ini'),
    `server = https://localhost:${DIRECTORY}/dir\nno-verify-ssl = true\n`,
  )
  await machine.must(`apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pebble curl openssl >/dev/null
cd ${FOLDER}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \\
  -addext subjectAltName=DNS:localhost -keyout own.key -out own.pem 2>/dev/null
systemd-run --quiet --unit names pebble-challtestsrv -defaultIPv4 127.0.0.1 -defaultIPv6 '' -dns01 127.0.0.1:8053 -http01 '' -https01 '' -tlsalpn01 ''
systemd-run --quiet --unit authority --setenv PEBBLE_VA_NOSLEEP=1 pebble -config ${FOLDER}/pebble.json -dnsserver 127.0.0.1:8053
for _ in $(seq 60); do
  curl -fsS --noproxy '*' --cacert own.pem https://localhost:${ROOTS}/roots/0 -o /opt/proof/certificate.pem 2>/dev/null && exit 0
  sleep 0.5
done
journalctl --no-pager -u authority -u names; exit 1`)
}
