/** What watches the app from outside: Prometheus, and the OpenTelemetry collector. */
import type { Facts, PlannedFile, Stage } from '../deploy.ts'
import { collector } from './collector.ts'
import { prometheus } from './prometheus.ts'

export function observeFiles(facts: Facts, stage: Stage): PlannedFile[] {
  return [
    { path: 'observe/prometheus.yml', text: prometheus(facts, stage), about: 'what Prometheus asks, and how often' },
    {
      path: 'observe/otel-collector.yaml',
      text: collector(facts),
      about: 'takes traces, metrics and logs by OTLP, and hands them on',
    },
  ]
}
