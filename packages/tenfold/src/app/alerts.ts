/** Alerts of an instance: the rules of its configuration on its own database, their messages through its queue. */
import { DELIVER, openAlerts, type Alerts } from '../alerts/index.ts'
import type { ConsoleSource } from '../console/index.ts'
import type { Cron } from '../cron/index.ts'
import { readBusiness, type DeclaredMetric } from '../inspect/index.ts'
import { toMs, type Service } from '../kernel/index.ts'
import type { Module } from '../modules/index.ts'
import type { JobWork, Queue } from '../queue/index.ts'
import { adviceSource } from './advised.ts'
import type { EvidencePart } from './evidence.ts'
import { createGauges } from './gauges.ts'
import type { MetricPoint } from '../telemetry/index.ts'
import type { Ground } from './instance.ts'

export interface AlertsPart {
  alerts: Alerts
  /** What the console shows. */
  shown: Pick<ConsoleSource, 'alerts' | 'business'>
  /** What the store has to keep: what rules read, and the metrics of the business. */
  metrics: readonly string[]
  /** How often: not less than every second look needs. */
  metricsEveryMs: number
  /** Looks at the rules, and reads what they need of the whole: for processes with the role `cron`. */
  services(parts: { queue: Queue; crons: Cron; evidence: EvidencePart }): Service[]
  handlers: Map<string, JobWork>
}

export async function openAlertsPart(ground: Ground, queue: Queue, opened: AsyncDisposableStack): Promise<AlertsPart> {
  const { app, config, telemetry, database, bindings, environment } = ground
  // A connection of its own: alerts do not wait in the line that they are about.
  const aside = database.aside('alerts')
  opened.defer(() => aside.service.stop())
  const alerts = await openAlerts({
    ...config.alerts,
    app: app.name,
    db: aside.system,
    telemetry,
    jobs: queue,
    smtp: bindings.variables['SMTP_URL'],
  })
  opened.defer(async () => alerts.close())
  const everyMs = toMs(config.alerts?.every ?? '15s')
  // Tests look at rules when they say so.
  const watches = environment.env !== 'test' || config.alerts !== undefined
  const declared = declaredMetrics(app.modules)
  return {
    alerts,
    shown: { alerts, business: (window) => readBusiness(database.system, declared, window, Date.now()) },
    metrics: [...new Set([...alerts.metrics, ...declared.map(({ name }) => name)])],
    metricsEveryMs: everyMs * 2,
    services: ({ crons, evidence }) => {
      if (!watches) return []
      const { publicUrl } = environment
      const advice = adviceSource(() => evidence.advice())
      return [createGauges({ db: aside.system, queue, crons, telemetry, publicUrl, everyMs }), alerts.watch({ advice })]
    },
    handlers: new Map([[DELIVER, { run: ({ payload }) => alerts.deliver((payload as { id: string }).id) }]]),
  }
}

function declaredMetrics(modules: readonly Module[]): DeclaredMetric[] {
  const metrics = modules.flatMap(({ parts }) => parts.filter((part) => part.kind === 'metric'))
  return metrics.map(({ name, options: { kind, help, unit = '1' } }) => ({ name, kind, help, unit }))
}

/** The metrics that modules declare, with what their name in Prometheus is made of. */
export function businessMetrics(modules: readonly Module[]): Record<string, Pick<MetricPoint, 'kind' | 'unit'>> {
  return Object.fromEntries(
    declaredMetrics(modules).map(({ name, kind, unit }) => [
      name,
      { kind: kind === 'distribution' ? 'histogram' : 'counter', unit },
    ]),
  )
}
