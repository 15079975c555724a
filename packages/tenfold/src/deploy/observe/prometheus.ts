import type { Facts, Stage } from '../deploy.ts'
import { machinesOf, type Machine } from '../machines/places.ts'
import { METRICS_PORT, serviceName } from '../names.ts'

export interface Scraping {
  /** How the processes are found: lines of a job in `scrape_configs`, indented by four. */
  found: string
  /** The file with METRICS_TOKEN. */
  token: string
  rules: string
  /** Host and port. */
  alertmanager: string
}

export function prometheusYml(facts: Facts, { found, token, rules, alertmanager }: Scraping): string {
  return `# Prometheus for ${facts.app}: whom it asks, and the rules by which it judges. check: promtool check config prometheus.yml
# The app answers where METRICS_PORT, METRICS_HOST and METRICS_TOKEN are set.
global:
  scrape_interval: 15s
  evaluation_interval: 15s

rule_files: ['${rules}']

alerting:
  alertmanagers:
    - static_configs: [{ targets: ['${alertmanager}'] }]

scrape_configs:
  - job_name: ${serviceName(facts)}
    # A label \`job\` of the app means a job of the app: without this, Prometheus would call it \`exported_job\`, and no rule
    # about jobs would find it.
    honor_labels: true
    authorization:
      type: Bearer
      # Holds METRICS_TOKEN, and is readable by Prometheus alone.
      credentials_file: ${token}
${found}`
}

/** The processes of the app's machines, each on a port of its own. */
export function onMachines(facts: Facts, stage: Stage): string {
  const targets = machinesOf(stage).flatMap((machine) =>
    hostsOf(facts, stage, machine).flatMap((host) =>
      Array.from({ length: processesOn(facts, stage, machine) }, (_, i) => `${host}:${METRICS_PORT + i}`),
    ),
  )
  return `    static_configs:\n      - targets:\n${targets.map((target) => `          - ${target}\n`).join('')}`
}

function hostsOf({ instances }: Facts, stage: Stage, machine: Machine): string[] {
  if (machine === 'worker' || machine === 'service') return [machine]
  if (machine !== 'app') return []
  return stage < 3 ? ['app'] : Array.from({ length: instances }, (_, i) => `app-${i + 1}`)
}

/** As \`tenfold start\` does it: a web process for each core, and one more for the rest where there is one. */
function processesOn(facts: Facts, stage: Stage, machine: Machine): number {
  if (machine === 'worker') return 1
  return machine === 'app' && stage >= 3 ? facts.machine.cores : processesOfAll(facts)
}

/** Of an app that does everything: where it has more than one web process, what is not web has one of its own. */
export function processesOfAll({ machine: { cores } }: Facts): number {
  return cores === 1 ? 1 : cores + 1
}

/** Containers by the name of their service: each address behind it is one, and has a port for each of its processes. */
export function inContainers(services: readonly { name: string; processes: number }[]): string {
  const most = Math.max(...services.map(({ processes }) => processes))
  const lines = Array.from({ length: most }, (_, i) => {
    const names = services.filter(({ processes }) => processes > i).map(({ name }) => name)
    return `      - { names: [${names.join(', ')}], type: A, port: ${METRICS_PORT + i}, refresh_interval: 15s }\n`
  })
  return `    dns_sd_configs:\n${lines.join('')}`
}
