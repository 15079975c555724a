import { defineError } from '../kernel/index.ts'

export const MetricsPortTaken = defineError('TF_METRICS_PORT_TAKEN', {
  says: (e: { host: string; port: number }) => `The port for metrics, ${e.host}:${e.port}, is taken.`,
  fix: 'Set METRICS_PORT to a free port, a different one for each process of this machine; 0 takes any.',
})

export const BadOtelSetting = defineError('TF_OTEL_SETTING', {
  says: (e: { problems: { variable: string; problem: string }[] }) =>
    `The OTEL_ variables cannot be used: ${e.problems.map(({ variable, problem }) => `${variable} ${problem}`).join('; ')}`,
  fix: 'See docs/guide/opentelemetry.md for what each variable may be.',
})
