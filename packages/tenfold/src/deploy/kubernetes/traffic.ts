/** How requests get to the pods, who may talk to whom, and how many pods there are. */
import type { Facts, Stage } from '../deploy.ts'
import { serviceName } from '../names.ts'
import type { Values } from './values.ts'
import { labels, type Workload } from './workloads.ts'

export function service(facts: Facts, { part }: Workload): string {
  const name = serviceName(facts)
  return `apiVersion: v1
kind: Service
metadata:
  name: ${name}-${part}
  namespace: ${name}
  labels: ${labels(facts, part)}
spec:
  selector: ${labels(facts, part)}
  ports:
    - { name: http, port: 80, targetPort: http }
`
}

export function ingress(facts: Facts, values: Values): string {
  const name = serviceName(facts)
  return `# The way in from outside; the certificate comes by ACME from cert-manager.
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ${name}
  namespace: ${name}
  annotations:
    cert-manager.io/cluster-issuer: letsencrypt
spec:
  ingressClassName: nginx
  tls:
    - hosts: ["${values.domain}"]
      secretName: ${name}-tls
  rules:
    - host: "${values.domain}"
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service: { name: ${name}-web, port: { name: http } }
`
}

/** KEDA scales: the web part by how busy its event loops are, workers by how many jobs run at once. A Deployment has one autoscaler. */
export function autoscaler(facts: Facts, { part, serves }: Workload, values: Values): string {
  const name = `${serviceName(facts)}-${part}`
  const range = part === 'worker' ? values.worker : values.web
  return `# How many pods: KEDA asks Prometheus and the kubelet, and makes a HorizontalPodAutoscaler of it.
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: ${name}
  namespace: ${serviceName(facts)}
spec:
  scaleTargetRef: { name: ${name} }
  minReplicaCount: ${range.least}
  maxReplicaCount: ${range.most}
  pollingInterval: 15
  cooldownPeriod: 300
  # When Prometheus does not answer, there are as many as at least needed.
  fallback: { failureThreshold: 4, replicas: ${range.least} }
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        # Up at once, down slowly: a spike has a second half.
        scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: Percent, value: 100, periodSeconds: 30 }] }
        scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: Percent, value: 25, periodSeconds: 60 }] }
  triggers:
${serves ? busyLoops(facts, part, values) : busyWorkers(facts, values)}`
}

function busyLoops(facts: Facts, part: string, values: Values): string {
  return `    # A process whose event loop is busy for seven tenths of the time answers late when one more request comes.
    - type: prometheus
      metricType: AverageValue
      metadata:
        serverAddress: ${values.prometheus}
        query: sum(nodejs_eventloop_utilization_ratio{namespace="${serviceName(facts)}",pod=~"${serviceName(facts)}-${part}-.*"})
        threshold: '0.7'
    - type: cpu
      metricType: Utilization
      metadata: { value: '80' }
`
}

function busyWorkers(facts: Facts, values: Values): string {
  const waiting = `tenfold_queue_depth{namespace="${serviceName(facts)}",state="waiting"}`
  return `    # Whichever of these asks for more pods is followed. Jobs that wait, whoever counts them: thirty for each pod, which runs ten.
    - type: prometheus
      metricType: AverageValue
      metadata:
        serverAddress: ${values.prometheus}
        query: sum(max by (job) (${waiting}))
        threshold: '30'
    # Seconds of jobs in a second are the jobs that run at once; a pod runs ten, and when it runs seven, others soon wait.
    - type: prometheus
      metricType: AverageValue
      metadata:
        serverAddress: ${values.prometheus}
        query: sum(rate(tenfold_job_duration_seconds_sum{namespace="${serviceName(facts)}"}[2m]))
        threshold: '7'
    - type: cpu
      metricType: Utilization
      metadata: { value: '80' }
`
}

export function disruptionBudget(facts: Facts, { part }: Workload): string {
  const name = serviceName(facts)
  return `# While machines are emptied for upgrades, one pod at a time goes.
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: ${name}-${part}
  namespace: ${name}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: ${labels(facts, part)}
`
}

export function networkPolicies(facts: Facts, stage: Stage): string {
  const name = serviceName(facts)
  const policy = (what: string, about: string, spec: string): string => `# ${about}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: ${name}-${what}
  namespace: ${name}
spec:
${spec}`
  return [
    policy('deny', 'Nobody reaches anything in this namespace,', '  podSelector: {}\n  policyTypes: [Ingress]\n'),
    policy(
      'web',
      'except the ingress controller and each other the app,',
      `  podSelector:
    matchLabels: { app.kubernetes.io/name: ${name} }
  policyTypes: [Ingress]
  ingress:
    - from:
        - namespaceSelector:
            matchLabels: { kubernetes.io/metadata.name: ingress-nginx }
        - podSelector:
            matchLabels: { app.kubernetes.io/name: ${name} }
      ports: [{ port: http }]
    - from:
        - namespaceSelector:
            matchLabels: { kubernetes.io/metadata.name: monitoring }
      ports: [{ port: metrics }]
`,
    ),
    policy(
      'database',
      'the app its database, and the database itself and its operator,',
      `  podSelector:
    matchLabels: { cnpg.io/cluster: ${name}-database }
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector:
            matchLabels: { app.kubernetes.io/name: ${name} }
        - podSelector:
            matchLabels: { cnpg.io/cluster: ${name}-database }
        - podSelector:
            matchLabels: { cnpg.io/poolerName: ${name}-pooler }
      ports: [{ port: 5432 }]
    - from:
        - namespaceSelector:
            matchLabels: { kubernetes.io/metadata.name: cnpg-system }
      ports: [{ port: 8000 }, { port: 5432 }]
`,
    ),
    policy(
      'collector',
      'the collector,',
      `  podSelector:
    matchLabels: { app.kubernetes.io/name: ${name}-collector }
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector:
            matchLabels: { app.kubernetes.io/name: ${name} }
      ports: [{ port: otlp }]
`,
    ),
    ...(stage >= 5
      ? [
          policy(
            'valkey',
            'and Valkey.',
            `  podSelector:
    matchLabels: { app.kubernetes.io/name: ${name}-valkey }
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector:
            matchLabels: { app.kubernetes.io/name: ${name} }
      ports: [{ port: 6379 }]
`,
          ),
        ]
      : []),
    policy(
      'pooler',
      'The pooler is for the app alone.',
      `  podSelector:
    matchLabels: { cnpg.io/poolerName: ${name}-pooler }
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector:
            matchLabels: { app.kubernetes.io/name: ${name} }
      ports: [{ port: 5432 }]
`,
    ),
  ].join('---\n')
}
