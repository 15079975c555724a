/** The web server in front of the app, and certificates for it by ACME. */
import { nginxSite } from '../balancers/index.ts'
import type { Facts, PlannedFile, Stage } from '../deploy.ts'
import { serviceName } from '../names.ts'

export function webFiles(facts: Facts, stage: Stage): PlannedFile[] {
  const name = serviceName(facts)
  const { domain, instances } = facts
  const folder = `/etc/letsencrypt/live/${domain}`
  const site = nginxSite({
    app: name,
    instances:
      stage < 3
        ? [{ name: 'app', host: '127.0.0.1', port: 3000 }]
        : Array.from({ length: instances }, (_, i) => ({ name: `app-${i + 1}`, host: `app-${i + 1}`, port: 3000 })),
    listen: { port: 443 },
    tls: { certificate: `${folder}/fullchain.pem`, key: `${folder}/privkey.pem` },
  })
  return [
    { path: `etc/nginx/conf.d/${name}.conf`, text: site, about: 'nginx: TLS, and the requests to the instances' },
    {
      path: 'etc/nginx/conf.d/acme.conf',
      text: acme(),
      about: 'nginx: plain HTTP, for certificates and redirects alone',
    },
    {
      path: 'etc/letsencrypt/renewal-hooks/deploy/reload-nginx',
      text: `#!/bin/sh
# Run by certbot after a certificate for ${domain} was renewed: nginx reads it without dropping a connection.
nginx -t && systemctl reload nginx
`,
      about: 'lets nginx read renewed certificates',
      executable: true,
    },
  ]
}

/** The redirect keeps method and body (308). */
function acme(): string {
  return `# Plain HTTP: proves to the certificate authority who is here, and sends everybody else to HTTPS.
server {
    listen 80 default_server;
    listen [::]:80 default_server;
    server_tokens off;
    location /.well-known/acme-challenge/ {
        root /var/www/acme;
    }
    location / {
        return 308 https://$host$request_uri;
    }
}
`
}
