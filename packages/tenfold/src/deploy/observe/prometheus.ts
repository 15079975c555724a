import type { Facts, Stage } from '../deploy.ts'
import { machinesOf } from '../machines/places.ts'
import { serviceName } from '../names.ts'

/** Each process has a port for its metrics: METRICS_PORT and those that follow. */
export function prometheus(facts: Facts, stage: Stage): string {
  const name = serviceName(facts)
  const ports = Array.from({ length: facts.machine.cores + 1 }, (_, i) => 9464 + i)
  const machines = machinesOf(stage).filter((machine) => ['app', 'worker', 'service'].includes(machine))
  const targets = machines.flatMap((machine) => ports.map((port) => `${machine}:${port}`))
  return `# Prometheus for ${facts.app}. Goes to /etc/prometheus/prometheus.yml; check: promtool check config
# The app opens the ports with METRICS_PORT=9464, METRICS_HOST and METRICS_TOKEN.
global:
  scrape_interval: 15s
  evaluation_interval: 15s

scrape_configs:
  - job_name: ${name}
    authorization:
      type: Bearer
      # Holds METRICS_TOKEN, and is readable by prometheus alone.
      credentials_file: /etc/prometheus/${name}.token
    static_configs:
      - targets:
${targets.map((target) => `          - ${target}`).join('\n')}
`
}
