/** What watches the app from outside: Prometheus with the app's alert rules, Alertmanager, a dashboard of Grafana, and the
 *  OpenTelemetry collector. Each target puts them where they belong. */
export { alertReceivers, alertRules } from './alerts.ts'
export { collector } from './collector.ts'
export { dashboardJson } from './dashboard.ts'
export { grafanaFolder, grafanaSource } from './grafana.ts'
export { inContainers, onMachines, processesOfAll, prometheusYml } from './prometheus.ts'
