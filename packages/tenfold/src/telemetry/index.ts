/** Ring 1: what everything records: traces, logs and metrics. */
export * from './telemetry.ts'
export { createTelemetry, type TelemetryOptions } from './create.ts'
export type { LogDestination, LogLevel } from './logger.ts'
export { formatTraceparent, parseTraceparent, type TraceParent } from './traceparent.ts'
export { type Buckets, LogLinear, middleOf, upperEndOf } from './histogram.ts'
export type { SeenStatement } from './statements.ts'
export { createRuntimeReader, type RuntimeReader, type RuntimeSample } from './runtime.ts'
export { createRedactor, maskText, REDACTED, type Redactor } from './redact.ts'
