/** Which ports of a machine are open, and to whom. Everything else is refused. */
import type { Facts, Stage } from '../deploy.ts'
import { type Machine, NETWORK } from './places.ts'

interface Open {
  ports: string
  /** Only from the private network. */
  inside: boolean
  about: string
}

export function firewall(facts: Facts, stage: Stage, machine: Machine): string {
  const rules = openPorts(stage, machine).map(
    ({ ports, inside, about }) =>
      `    # ${about}\n    ${inside ? `ip saddr $inside ` : ''}tcp dport { ${ports} } accept\n`,
  )
  return `#!/usr/sbin/nft -f
# The firewall of the machine "${machine}" of ${facts.app}. Goes to /etc/nftables.conf; check: nft -c -f /etc/nftables.conf
# then: systemctl enable --now nftables. Keep a second session open until you have logged in anew.
flush ruleset

# The private network of the machines.
define inside = ${NETWORK}

table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iif lo accept
    # Without these, IPv6 does not work at all and large packets get lost.
    meta l4proto { icmp, ipv6-icmp } limit rate 50/second accept

    # Logging in: new connections are few.
    tcp dport 22 ct state new limit rate over 20/minute burst 20 packets drop
    tcp dport 22 accept

${rules.join('\n')}  }
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
  chain output {
    type filter hook output priority filter; policy accept;
  }
}
`
}

function openPorts(stage: Stage, machine: Machine): Open[] {
  const web: Open = { ports: '80, 443', inside: false, about: 'The web, and the certificates for it.' }
  const metrics: Open = { ports: '9464-9495', inside: true, about: 'Metrics, one port for each process.' }
  switch (machine) {
    case 'app':
      return stage >= 3
        ? [{ ports: '3000', inside: true, about: 'The app, for the balancer.' }, metrics]
        : stage === 2
          ? [web, metrics]
          : [web]
    case 'service':
      return [{ ports: '3000', inside: true, about: 'The service, for the balancer.' }, metrics]
    case 'worker':
      return [metrics]
    case 'balancer':
      return [web]
    case 'database':
    case 'replica':
      return [{ ports: stage >= 3 ? '5432, 6432' : '5432', inside: true, about: 'Postgres, and PgBouncer before it.' }]
    case 'observe':
      return [
        { ports: '4318', inside: true, about: 'The collector. Grafana and Prometheus: ssh -L 3000:127.0.0.1:3000' },
      ]
    case 'redis':
      return [{ ports: '6379', inside: true, about: 'Valkey.' }]
  }
}
