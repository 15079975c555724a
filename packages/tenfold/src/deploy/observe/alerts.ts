import { alertmanagerConfig, prometheusRules } from '../../alerts/index.ts'
import type { Facts } from '../deploy.ts'

/** The app's alert rules for Prometheus: those of tenfold.config.ts, with all defaults. */
export function alertRules({ app, alerts, metrics }: Facts): string {
  const { text, leftOut } = prometheusRules(app, alerts.rules, metrics, alerts.runbook)
  const missing =
    leftOut.length === 0 ? '' : `# Left out, since the kind of their metric is not known: ${leftOut.join(', ')}\n`
  return `# The alert rules of ${app}, over what Prometheus scrapes. check: promtool check rules; the same by: tenfold alerts export
${missing}${text}`
}

/** @param secrets the folder with a file for each channel that needs a secret */
export function alertReceivers({ app, alerts }: Facts, secrets: string): string {
  return `# Whom Alertmanager tells when a rule of ${app} fires. check: amtool check-config; the same by: tenfold alerts export --alertmanager
# The app looks at the same rules and tells the same channels by itself: where Alertmanager runs too, people hear twice. Give
# it other channels here, or leave it out and look at the rules in Prometheus.
${alertmanagerConfig(alerts, secrets)}`
}
