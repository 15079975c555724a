/** Ring 5: rules over what was measured, and who is told. */
import type { MigrationSource } from '../database/index.ts'

export * from './alerts.ts'
export type { ChannelOptions } from './channels/channel.ts'
export * from './errors.ts'
export { CATALOGUE, type KnownMetric } from './export/catalogue.ts'
export { alertmanagerConfig } from './export/alertmanager.ts'
export { prometheusRules } from './export/prometheus.ts'
export { checkAlerts } from './settings.ts'
export { openAlerts, type AlertsOptions } from './open.ts'
export type { AlertRule, Condition, Severity } from './rule.ts'
export type { Advised, AdviceSource } from './read.ts'
export type { AlertSettings, CheckedAlerts } from './settings.ts'

export const migrations: MigrationSource = {
  module: 'tenfold.alerts',
  schema: 'tenfold',
  directory: new URL('./postgres/migrations/', import.meta.url),
}
