/** Backups by a timer of the machine, and the proof of the newest one every week. */
import type { Facts } from '../deploy.ts'
import { serviceName } from '../names.ts'

export function backupUnits(facts: Facts): Record<string, string> {
  const name = serviceName(facts)
  return {
    [`${name}-backup.service`]: once(facts, 'backup', `backs up the database of ${facts.app}`, 'backup'),
    [`${name}-backup.timer`]: timer(name, 'backup', 'every night', '*-*-* 03:10:00 UTC'),
    [`${name}-verify.service`]: once(
      facts,
      'verify',
      `proves the newest backup of ${facts.app} by restoring it and comparing every table`,
      'backup verify latest',
    ),
    [`${name}-verify.timer`]: timer(name, 'verify', 'every Sunday', 'Sun *-*-* 04:40:00 UTC'),
  }
}

function once(facts: Facts, kind: string, about: string, command: string): string {
  const name = serviceName(facts)
  return `# Started by ${name}-${kind}.timer; by hand: systemctl start ${name}-${kind}. A run that fails stays "failed" in systemctl.
[Unit]
Description=${about}
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
User=${name}
Group=${name}
WorkingDirectory=/srv/${name}/current
EnvironmentFile=/etc/${name}/env
ExecStart=/usr/bin/node /srv/${name}/current/node_modules/tenfold/bin/tenfold.js ${command}
# The app comes first.
Nice=10
IOSchedulingClass=idle
StateDirectory=${name}
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
