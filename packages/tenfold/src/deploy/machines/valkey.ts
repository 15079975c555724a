import type { Facts } from '../deploy.ts'

/** Valkey for jobs: nothing is ever evicted, and what was accepted is on disk within a second. */
export function valkeyConf({ app, machine }: Facts): string {
  return `# Valkey for ${app}. Goes to /etc/valkey/${app}.conf, read last by /etc/valkey/valkey.conf: include /etc/valkey/${app}.conf
# The password stands in /etc/valkey/password.conf (requirepass …), readable by valkey alone. Then: systemctl restart valkey-server
include /etc/valkey/password.conf
bind * -::*
protected-mode yes
port 6379

# Jobs are no cache: when it is full, new ones are refused, and none is thrown away.
maxmemory ${Math.floor(machine.memory * 1024 * 0.6)}mb
maxmemory-policy noeviction

# Every second to disk; a copy of all at times, so that the log stays short.
appendonly yes
appendfsync everysec
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb

tcp-keepalive 60
timeout 0
latency-monitor-threshold 100
rename-command FLUSHALL ""
rename-command FLUSHDB ""
`
}
