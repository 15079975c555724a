/** What watches the app, in containers beside it: laid over `compose.yaml` by those who want it. */
import type { Facts, PlannedFile, Stage } from '../deploy.ts'
import { splitModule } from '../names.ts'
import {
  alertReceivers,
  alertRules,
  collector,
  dashboardJson,
  grafanaFolder,
  grafanaSource,
  inContainers,
  processesOfAll,
  prometheusYml,
} from '../observe/index.ts'

export function observeFiles(facts: Facts, stage: Stage): PlannedFile[] {
  const prometheus = prometheusYml(facts, {
    found: inContainers(appServices(facts, stage)),
    token: '/etc/prometheus/metrics-token',
    rules: '/etc/prometheus/rules.yml',
    alertmanager: 'alertmanager:9093',
  })
  const source = grafanaSource(facts, 'http://prometheus:9090')
  const texts: [path: string, text: string, about: string][] = [
    ['observe.yaml', observeYaml(facts, stage), 'what watches the app: laid over compose.yaml'],
    ['observe/prometheus.yml', prometheus, 'which containers Prometheus asks'],
    ['observe/rules.yml', alertRules(facts), "the app's alert rules, for Prometheus"],
    ['observe/alertmanager.yml', alertReceivers(facts, '/etc/alertmanager/secrets'), 'whom Alertmanager tells'],
    ['observe/grafana/datasources/app.yaml', source, 'where Grafana finds Prometheus'],
    ['observe/grafana/dashboards/app.yaml', grafanaFolder(facts, '/dashboards'), 'where Grafana finds the dashboard'],
    ['observe/dashboards/app.json', dashboardJson(facts, stage), 'the dashboard'],
    ['observe/collector.yaml', collector(facts), 'the collector: takes what comes by OTLP, and hands it on'],
  ]
  return texts.map(([path, text, about]) => ({ path, text, about }))
}

/** The containers that run the app, as Compose names them. */
function appServices(facts: Facts, stage: Stage): { name: string; processes: number }[] {
  const all = processesOfAll(facts)
  if (stage < 3) return [{ name: 'app', processes: all }]
  const parts = ['app', 'worker'].map((name) => ({ name, processes: 1 }))
  return stage < 6 ? parts : [...parts, { name: splitModule(facts).replaceAll('_', '-'), processes: all }]
}

function observeYaml(facts: Facts, stage: Stage): string {
  return `# Prometheus, Alertmanager, Grafana and the OpenTelemetry collector beside ${facts.app}. Grafana is at http://127.0.0.1:3001.
#   umask 077; grep ^METRICS_TOKEN= env | cut -d= -f2 | tr -d '\\n' > observe/metrics-token      (readable for user 65534)
#   docker compose -f deploy/compose/compose.yaml -f deploy/compose/observe.yaml up --detach --wait
x-watcher: &watcher
  restart: unless-stopped
  read_only: true
  cap_drop: [ALL]
  security_opt: ['no-new-privileges:true']
  logging:
    driver: json-file
    options: { max-size: 50m, max-file: '5' }

services:
${appServices(facts, stage)
  .map(({ name }) => `  ${name}:\n    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }\n`)
  .join('')}
  prometheus:
    <<: *watcher
    image: prom/prometheus:v3.5.0
    command:
      - --config.file=/etc/prometheus/prometheus.yml
      - --storage.tsdb.path=/prometheus
      - --storage.tsdb.retention.time=30d
      - --storage.tsdb.retention.size=10GB
    mem_limit: 1g
    volumes:
      - ./observe/prometheus.yml:/etc/prometheus/prometheus.yml:ro
      - ./observe/rules.yml:/etc/prometheus/rules.yml:ro
      - ./observe/metrics-token:/etc/prometheus/metrics-token:ro
      - prometheus:/prometheus

  alertmanager:
    <<: *watcher
    image: prom/alertmanager:v0.28.1
    command: [--config.file=/etc/alertmanager/alertmanager.yml, --storage.path=/alertmanager, --cluster.listen-address=]
    mem_limit: 128m
    volumes:
      - ./observe/alertmanager.yml:/etc/alertmanager/alertmanager.yml:ro
      - ./observe/secrets:/etc/alertmanager/secrets:ro
      - alertmanager:/alertmanager

  grafana:
    <<: *watcher
    image: grafana/grafana:12.0.0
    tmpfs: [/tmp]
    environment:
      GF_ANALYTICS_REPORTING_ENABLED: 'false'
      GF_AUTH_ANONYMOUS_ENABLED: 'false'
    mem_limit: 512m
    # Only from this machine: ssh -L 3001:127.0.0.1:3001. The first login is admin, admin, and asks for a better one.
    ports: ['127.0.0.1:3001:3000']
    volumes:
      - ./observe/grafana/datasources:/etc/grafana/provisioning/datasources:ro
      - ./observe/grafana/dashboards:/etc/grafana/provisioning/dashboards:ro
      - ./observe/dashboards:/dashboards:ro
      - grafana:/var/lib/grafana

  # OTLP_BACKEND and OTLP_TOKEN are read from \`env\`. Without something that takes traces, remove it here and above.
  collector:
    <<: *watcher
    image: otel/opentelemetry-collector-contrib:0.130.0
    command: [--config=/etc/collector.yaml]
    env_file: env
    mem_limit: 512m
    volumes: [./observe/collector.yaml:/etc/collector.yaml:ro]

volumes:
  prometheus:
  alertmanager:
  grafana:
`
}
