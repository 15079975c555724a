/** How what is recorded leaves an instance, and what of others joins it. */
import type { Service } from '../kernel/index.ts'
import {
  createExporter,
  createMetricsServer,
  followLevelSignal,
  joinOpenTelemetry,
  otelSettings,
} from '../telemetry/index.ts'
import type { Ground } from './instance.ts'

/** The log level follows SIGUSR2, and spans of `@opentelemetry/api` join our traces if the configuration says so. */
export async function joinTelemetry(
  { telemetry, environment, config }: Ground,
  opened: AsyncDisposableStack,
): Promise<void> {
  if (environment.env !== 'test') opened.defer(followLevelSignal(telemetry))
  if (config.telemetry?.openTelemetryApi) opened.defer(await joinOpenTelemetry(telemetry))
}

/** The export comes first, so that it stops last, when all have told what they did. */
export function telemetryServices({ environment, telemetry, sockets }: Ground): Service[] {
  const { metricsPort: port, metricsHost: host, metricsToken: token, variables } = environment
  const exporter = createExporter({ telemetry, settings: otelSettings(variables) })
  const metrics =
    port === undefined ? undefined : createMetricsServer({ telemetry, port, host, token, listenFd: sockets.metrics })
  return [exporter, metrics].filter((service) => service !== undefined)
}
