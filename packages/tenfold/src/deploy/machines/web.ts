import type { Facts, PlannedFile, Stage } from '../deploy.ts'
import { serviceName } from '../names.ts'

/** The web server in front of the app, and what renews its certificates. */
export function webFiles(facts: Facts, _stage: Stage): PlannedFile[] {
  return [
    {
      path: 'etc/letsencrypt/renewal-hooks/deploy/reload-nginx',
      text: `#!/bin/sh
# Run by certbot after a certificate for ${facts.domain} was renewed: nginx reads it without dropping a connection.
nginx -t && systemctl reload nginx
`,
      about: `reads renewed certificates (${serviceName(facts)})`,
      executable: true,
    },
  ]
}
