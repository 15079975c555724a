/** The app's pods: the web part, the workers, and the job that migrates. */
import type { Facts, Stage } from '../deploy.ts'
import { serviceName, splitModule } from '../names.ts'
import type { Values } from './values.ts'

export interface Workload {
  /** `web`, `worker`, or the name of a module that is a service of its own. */
  part: string
  /** What comes after `tenfold`. */
  args: readonly string[]
  serves: boolean
}

export function workloadsOf(facts: Facts, stage: Stage): Workload[] {
  const module = splitModule(facts)
  const others = facts.modules.filter((one) => one !== module).join(',')
  const rest = stage >= 6 && others !== '' ? ['--modules', others] : []
  const own = {
    part: module.replaceAll('_', '-'),
    args: ['start', '--processes', '1', '--modules', module],
    serves: true,
  }
  return [
    { part: 'web', args: ['start', '--only', 'web', '--processes', '1'], serves: true },
    { part: 'worker', args: ['start', '--only', 'worker,cron', ...rest], serves: false },
    ...(rest.length > 0 ? [own] : []),
  ]
}

export function deployment(facts: Facts, { part, args, serves }: Workload, values: Values): string {
  const name = `${serviceName(facts)}-${part}`
  const size = part === 'worker' ? values.worker : values.web
  return `# ${part}: ${serves ? 'a pod is one process; more of them come by the autoscaler' : 'jobs and crons; a cron runs once however many pods there are'}.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  namespace: ${serviceName(facts)}
  labels: ${labels(facts, part)}
spec:
  # No \`replicas\`: the autoscaler says how many.
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    # A new pod is ready before an old one goes.
    rollingUpdate: { maxUnavailable: 0, maxSurge: 25% }
  selector:
    matchLabels: ${labels(facts, part)}
  template:
    metadata:
      labels: ${labels(facts, part)}
    spec:
      serviceAccountName: ${serviceName(facts)}
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 45
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        runAsGroup: 1000
        fsGroup: 1000
        seccompProfile: { type: RuntimeDefault }
      # Not all on one machine, where there are several.
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: ${labels(facts, part)}
      containers:
        - name: app
          image: ${values.image}
          args: ${JSON.stringify(args)}
          envFrom:
            - configMapRef: { name: ${serviceName(facts)} }
            - secretRef: { name: ${serviceName(facts)} }
          ports:
${serves ? '            - { name: http, containerPort: 3000 }\n' : ''}            - { name: metrics, containerPort: 9464 }
          resources:
            requests: { cpu: ${size.cpu}, memory: ${size.memory} }
            # No limit of the processor: a pod that waits for its share answers late, although the machine has time.
            limits: { memory: ${size.memory} }
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
${serves ? PROBES : ''}      volumes:
        - name: tmp
          emptyDir: { sizeLimit: 256Mi }
`
}

/** Ready: it and its database can take requests. Live: the process answers at all; a failing database is no reason to restart. */
const PROBES = `          startupProbe:
            httpGet: { path: /health/live, port: http }
            periodSeconds: 2
            failureThreshold: 30
          readinessProbe:
            httpGet: { path: /health/ready, port: http }
            periodSeconds: 5
            timeoutSeconds: 3
            failureThreshold: 2
          livenessProbe:
            httpGet: { path: /health/live, port: http }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
`

export function migrationJob(facts: Facts, values: Values, helm: boolean): string {
  const name = serviceName(facts)
  const hook = helm
    ? `  annotations:
    # Before the pods of the release; a release whose migration fails is not installed.
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
`
    : ''
  return `# Applies the migrations of a release: once, before its pods. It judges them first and refuses what would harm the running ones.
apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}-migrate
  namespace: ${name}
${hook}spec:
  backoffLimit: 3
  activeDeadlineSeconds: 3600
  template:
    metadata:
      labels: ${labels(facts, 'migrate')}
    spec:
      restartPolicy: Never
      serviceAccountName: ${name}
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        seccompProfile: { type: RuntimeDefault }
      containers:
        - name: migrate
          image: ${values.image}
          args: ["migrate", "up"]
          envFrom:
            - configMapRef: { name: ${name} }
            - secretRef: { name: ${name} }
          resources:
            requests: { cpu: 100m, memory: 256Mi }
            limits: { memory: 512Mi }
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
      volumes:
        - name: tmp
          emptyDir: { sizeLimit: 256Mi }
`
}

export function labels(facts: Facts, part: string): string {
  return `{ app.kubernetes.io/name: ${serviceName(facts)}, app.kubernetes.io/component: ${part} }`
}
