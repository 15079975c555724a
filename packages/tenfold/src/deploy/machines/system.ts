/** What every machine has, whatever runs on it: bounded logs, security updates, limits of the kernel. */
import type { Facts } from '../deploy.ts'

export function journald(facts: Facts): string {
  return `# Logs of ${facts.app} and all else: kept on disk, at most 2 GB and a month. Goes to /etc/systemd/journald.conf.d/;
# then: systemctl restart systemd-journald. To read: journalctl -u ${facts.app.replaceAll('_', '-')} -o cat | jq
[Journal]
Storage=persistent
Compress=yes
SystemMaxUse=2G
SystemKeepFree=1G
MaxRetentionSec=1month
# A service that logs in a loop loses lines, not the disk.
RateLimitIntervalSec=30s
RateLimitBurst=20000
`
}

export function unattendedUpgrades(): string {
  return `// Security updates by themselves. Goes to /etc/apt/apt.conf.d/; needs the package unattended-upgrades.
// check: unattended-upgrade --dry-run
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
APT::Periodic::AutocleanInterval "7";
Unattended-Upgrade::Origins-Pattern {
  "origin=Debian,codename=\${distro_codename}-security,label=Debian-Security";
  "origin=Debian,codename=\${distro_codename},label=Debian";
};
// Neither the database nor Node.js changes under a running app: those are updated by hand, with a look at their notes.
Unattended-Upgrade::Package-Blacklist { "postgresql-"; "pgbouncer"; "nodejs"; "valkey"; };
Unattended-Upgrade::Remove-Unused-Kernel-Packages "true";
// A new kernel waits for you. "true" restarts at the time below.
Unattended-Upgrade::Automatic-Reboot "false";
Unattended-Upgrade::Automatic-Reboot-Time "04:30";
`
}

export function sysctl(): string {
  return `# Limits of the kernel for a server. Goes to /etc/sysctl.d/; then: sysctl --system
# Connections that wait to be accepted, for short bursts.
net.core.somaxconn = 4096
net.ipv4.tcp_max_syn_backlog = 4096
# Ports for connections to databases and other services.
net.ipv4.ip_local_port_range = 10240 65000
# Swap only when there is no other way: a database in swap is slower than one that is restarted.
vm.swappiness = 10
`
}
