/** What watches the pods: objects of the Prometheus operator, a dashboard that Grafana finds by its label, and a collector. */
import type { Facts, Stage } from '../deploy.ts'
import { serviceName } from '../names.ts'
import { alertRules, collector, dashboardJson } from '../observe/index.ts'
import { labels } from './workloads.ts'

/** @param helm whether the text is a template: then double braces of Prometheus and Grafana are not meant for it */
export function monitoring(facts: Facts, stage: Stage, helm: boolean): string {
  const name = serviceName(facts)
  const rules = alertRules(facts)
  return `# Prometheus asks every pod of ${facts.app}, with the token of the secret. Needs the Prometheus operator.
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: ${name}
  namespace: ${name}
spec:
  selector:
    matchLabels: { app.kubernetes.io/name: ${name} }
  podMetricsEndpoints:
    - port: metrics
      interval: 15s
      # A label \`job\` of the app means a job of the app.
      honorLabels: true
      authorization:
        credentials: { name: ${name}, key: METRICS_TOKEN }
---
# Where one Prometheus watches several apps, give it \`enforcedNamespaceLabel: namespace\`: then each rule sees its own app alone.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: ${name}
  namespace: ${name}
spec:
${indented(literal(rules, helm), 2)}---
# The dashboard: Grafana's sidecar loads what has this label.
apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}-dashboard
  namespace: ${name}
  labels: { grafana_dashboard: "1" }
data:
  ${name}.json: |
${indented(literal(dashboardJson(facts, stage, `namespace="${name}"`), helm), 4)}`
}

export function collectorPods(facts: Facts): string {
  const name = serviceName(facts)
  const own = labels(facts, 'collector').replace(`name: ${name},`, `name: ${name}-collector,`)
  return `# The OpenTelemetry collector. The app sends to it with OTEL_EXPORTER_OTLP_ENDPOINT=http://${name}-collector:4318 in its environment.
# Where it sends to is in the secret ${name}-collector: OTLP_BACKEND, OTLP_TOKEN.
apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}-collector
  namespace: ${name}
data:
  collector.yaml: |
${indented(collector(facts), 4)}---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}-collector
  namespace: ${name}
spec:
  # One alone: a trace is judged as a whole, by whoever has all of it.
  replicas: 1
  selector:
    matchLabels: ${own}
  template:
    metadata:
      labels: ${own}
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile: { type: RuntimeDefault }
      containers:
        - name: collector
          image: otel/opentelemetry-collector-contrib:0.130.0
          args: ["--config=/etc/collector/collector.yaml"]
          env:
            - name: OTLP_BACKEND
              valueFrom:
                secretKeyRef: { name: ${name}-collector, key: OTLP_BACKEND }
            - name: OTLP_TOKEN
              valueFrom:
                secretKeyRef: { name: ${name}-collector, key: OTLP_TOKEN }
          ports:
            - { name: otlp, containerPort: 4318 }
          readinessProbe:
            httpGet: { path: /, port: 13133 }
          resources:
            requests: { cpu: 100m, memory: 512Mi }
            limits: { memory: 512Mi }
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }
          volumeMounts:
            - { name: config, mountPath: /etc/collector }
      volumes:
        - name: config
          configMap: { name: ${name}-collector }
---
apiVersion: v1
kind: Service
metadata:
  name: ${name}-collector
  namespace: ${name}
spec:
  selector: ${own}
  ports:
    - { name: otlp, port: 4318, targetPort: otlp }
`
}

function literal(text: string, helm: boolean): string {
  return helm ? text.replaceAll('{{', '{{ "{{" }}') : text
}

function indented(text: string, spaces: number): string {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(spaces))
}
