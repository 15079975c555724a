import type { Facts } from '../deploy.ts'
import { serviceName } from '../names.ts'

/** The collector in front of whatever keeps the traces: it batches, samples and holds back when that is away. */
export function collector(facts: Facts): string {
  return `# The OpenTelemetry collector for ${facts.app}: the app sends to it where OTEL_EXPORTER_OTLP_ENDPOINT names it, such as
# http://collector:4318. OTLP_BACKEND and OTLP_TOKEN come from the collector's environment. check: otelcol-contrib validate --config=…
receivers:
  otlp:
    protocols:
      http:
        endpoint: 0.0.0.0:4318

processors:
  # First in every pipeline: it refuses, before memory runs out.
  memory_limiter:
    check_interval: 1s
    limit_mib: 400
    spike_limit_mib: 100
  # Traces that are worth keeping: errors, slow ones, and a tenth of the others. It waits for whole traces.
  tail_sampling:
    decision_wait: 10s
    num_traces: 50000
    policies:
      - name: errors
        type: status_code
        status_code: { status_codes: [ERROR] }
      - name: slow
        type: latency
        latency: { threshold_ms: 1000 }
      - name: some
        type: probabilistic
        probabilistic: { sampling_percentage: 10 }
  resource:
    attributes:
      - { key: deployment.environment.name, value: production, action: upsert }
      - { key: service.namespace, value: ${serviceName(facts)}, action: upsert }
  batch:
    timeout: 2s
    send_batch_size: 4096

exporters:
  otlphttp:
    endpoint: \${env:OTLP_BACKEND}
    headers:
      authorization: Bearer \${env:OTLP_TOKEN}
    compression: gzip
    retry_on_failure: { enabled: true, max_elapsed_time: 10m }
    sending_queue: { enabled: true, queue_size: 2000 }

extensions:
  health_check:
    endpoint: 0.0.0.0:13133

service:
  extensions: [health_check]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, tail_sampling, resource, batch]
      exporters: [otlphttp]
    metrics:
      receivers: [otlp]
      processors: [memory_limiter, resource, batch]
      exporters: [otlphttp]
    logs:
      receivers: [otlp]
      processors: [memory_limiter, resource, batch]
      exporters: [otlphttp]
`
}
