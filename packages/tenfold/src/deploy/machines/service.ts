/** The app as a systemd service: what it may do, and how much of the machine it gets. */
import type { Facts, Stage } from '../deploy.ts'
import { serviceName, splitModule } from '../names.ts'
import { appMemory } from '../sizing.ts'
import type { Machine } from './places.ts'

/** What `tenfold start` runs on this machine at this stage. At the sixth, the jobs and crons of one module run by
 *  themselves; its routes are served there, too, and still by the web part, so that no balancer has to know them. */
export function startArguments(facts: Facts, stage: Stage, machine: Machine): string {
  if (machine === 'service') return `start --modules ${splitModule(facts)}`
  if (machine === 'worker') return `start --only worker,cron,console${otherModules(facts, stage)}`
  return machine === 'app' && stage >= 3 ? 'start --only web' : 'start'
}

function otherModules(facts: Facts, stage: Stage): string {
  const others = facts.modules.filter((module) => module !== splitModule(facts))
  return stage < 6 || others.length === 0 ? '' : ` --modules ${others.join(',')}`
}

export function serviceUnit(facts: Facts, stage: Stage, machine: Machine): string {
  const name = serviceName(facts)
  const most = appMemory(facts, stage)
  return `# ${facts.app}: runs the app and starts it again when it ends. Goes to /etc/systemd/system/, then:
#   systemctl daemon-reload && systemctl enable --now ${name}
[Unit]
Description=${facts.app}
After=network-online.target postgresql.service
Wants=network-online.target
ConditionPathExists=/srv/${name}/current
# Started again for ever: a database that is away for an hour must not leave the app stopped.
StartLimitIntervalSec=0

[Service]
Type=exec
User=${name}
Group=${name}
# A release is a folder in /srv/${name}/releases; \`current\` is a link to one of them.
WorkingDirectory=/srv/${name}/current
Environment=PWD=/srv/${name}/current
EnvironmentFile=/etc/${name}/env
ExecStart=/usr/bin/node /srv/${name}/current/node_modules/tenfold/bin/tenfold.js ${startArguments(facts, stage, machine)}
# A new release: one process after the other, each when its successor is ready.
ExecReload=/bin/kill -HUP $MAINPID
# The app lets requests and jobs end, for up to 25 seconds; then systemd ends what is left.
KillMode=mixed
TimeoutStopSec=35
Restart=always
RestartSec=2

# Above MemoryHigh it is slowed down, above MemoryMax it is ended, before the machine has to choose whom to end.
MemoryHigh=${Math.floor(most * 0.9)}M
MemoryMax=${most}M
CPUWeight=100
TasksMax=512
LimitNOFILE=65536

# It may write in its own folder only, has no rights that can be gained, sees no devices and no processes of others.
StateDirectory=${name}
UMask=0027
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=all
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# Not MemoryDenyWriteExecute: the engine of Node.js compiles at run time.

[Install]
WantedBy=multi-user.target
`
}
