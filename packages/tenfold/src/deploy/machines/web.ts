/** What stands in front of the app, and certificates for it by ACME. */
import { haproxyConfig, nginxPlainHttp, nginxSite, type BalancerOptions } from '../balancers/index.ts'
import type { Facts, PlannedFile, Stage } from '../deploy.ts'
import { serviceName } from '../names.ts'

/** Where certbot answers while it renews, behind HAProxy. */
export const CERTBOT_PORT = 8402

export function webFiles(facts: Facts, stage: Stage): PlannedFile[] {
  return facts.balancer === 'haproxy' ? haproxyFiles(facts, stage) : nginxFiles(facts, stage)
}

function nginxFiles(facts: Facts, stage: Stage): PlannedFile[] {
  const name = serviceName(facts)
  const folder = `/etc/letsencrypt/live/${facts.domain}`
  const tls = { certificate: `${folder}/fullchain.pem`, key: `${folder}/privkey.pem` }
  return [
    {
      path: `etc/nginx/conf.d/${name}.conf`,
      text: nginxSite({ ...balanced(facts, stage), tls }),
      about: 'nginx: TLS, and the requests to the instances',
    },
    {
      path: 'etc/nginx/conf.d/acme.conf',
      text: nginxPlainHttp({ listen: { port: 80 }, challenges: '/var/www/acme' }),
      about: 'nginx: plain HTTP, for certificates and redirects alone',
    },
    {
      path: 'etc/letsencrypt/renewal-hooks/deploy/reload-nginx',
      text: `#!/bin/sh
# Run by certbot after a certificate for ${facts.domain} was renewed: nginx reads it without dropping a connection.
nginx -t && systemctl reload nginx
`,
      about: 'lets nginx read renewed certificates',
      executable: true,
    },
  ]
}

function haproxyFiles(facts: Facts, stage: Stage): PlannedFile[] {
  const both = `/etc/haproxy/certificates/${facts.domain}.pem`
  const text = haproxyConfig({
    ...balanced(facts, stage),
    tls: { certificate: both, key: both, redirectPort: 80 },
    runAs: { user: 'haproxy', chroot: '/var/lib/haproxy' },
    adminSocket: '/run/haproxy/admin.sock',
    challenges: { host: '127.0.0.1', port: CERTBOT_PORT },
  })
  return [
    { path: 'etc/haproxy/haproxy.cfg', text, about: 'HAProxy: TLS, health checks, and the requests to the instances' },
    {
      path: 'etc/letsencrypt/renewal-hooks/deploy/reload-haproxy',
      text: `#!/bin/sh
# Run by certbot after a certificate for ${facts.domain} was renewed. HAProxy wants it in one file with its key, and reads it
# without dropping a connection.
set -eu
umask 077
cat /etc/letsencrypt/live/${facts.domain}/fullchain.pem /etc/letsencrypt/live/${facts.domain}/privkey.pem >${both}.new
mv ${both}.new ${both}
haproxy -c -q -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy
`,
      about: 'lets HAProxy read renewed certificates',
      executable: true,
    },
  ]
}

function balanced(
  facts: Facts,
  stage: Stage,
): Pick<BalancerOptions, 'app' | 'instances' | 'listen' | 'trustedProxies'> {
  const { instances, proxies } = facts
  return {
    app: serviceName(facts),
    instances:
      stage < 3
        ? [{ name: 'app', host: '127.0.0.1', port: 3000 }]
        : Array.from({ length: instances }, (_, i) => ({ name: `app-${i + 1}`, host: `app-${i + 1}`, port: 3000 })),
    listen: { port: 443 },
    trustedProxies: proxies,
  }
}
