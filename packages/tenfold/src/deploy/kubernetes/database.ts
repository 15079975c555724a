/** Postgres as CloudNativePG runs it: a primary that is replaced when it fails, replicas, PgBouncer; and Valkey. */
import type { Facts } from '../deploy.ts'
import { POSTGRES } from '../machines/postgres.ts'
import { serviceName } from '../names.ts'
import { labels } from './workloads.ts'
import type { Values } from './values.ts'

export function databaseCluster(facts: Facts, values: Values): string {
  const name = serviceName(facts)
  const { database } = values
  return `# Postgres: the operator CloudNativePG keeps a primary and its replicas, and makes a replica primary when the primary fails.
# DATABASE_URL goes to the pooler, DATABASE_DIRECT_URL to ${name}-database-rw, reads to ${name}-database-ro.
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata:
  name: ${name}-database
  namespace: ${name}
spec:
  instances: ${database.instances}
  imageName: ghcr.io/cloudnative-pg/postgresql:${POSTGRES}
  bootstrap:
    initdb:
      database: ${facts.app}
      owner: ${facts.app}_deploy
      # May make the roles of the modules, and read the whole server for backups.
      postInitSQL:
        - alter role ${facts.app}_deploy createrole replication
        - grant pg_read_all_stats to ${facts.app}_deploy with admin option
        - grant pg_read_all_settings to ${facts.app}_deploy
  storage: { size: ${database.storage} }
  resources:
    requests: { cpu: ${database.cpu}, memory: ${database.memory} }
    limits: { memory: ${database.memory} }
  postgresql:
    parameters:
      max_connections: "${database.maxConnections}"
      shared_buffers: "${database.sharedBuffers}"
      random_page_cost: "1.1"
      log_min_duration_statement: "1s"
      pg_stat_statements.track: top
  # Not two of them on one machine.
  affinity:
    enablePodAntiAffinity: true
    topologyKey: kubernetes.io/hostname
    podAntiAffinityType: preferred
  monitoring: { enablePodMonitor: false }
---
# PgBouncer before the primary. Roles log in through it with their own passwords.
apiVersion: postgresql.cnpg.io/v1
kind: Pooler
metadata:
  name: ${name}-pooler
  namespace: ${name}
spec:
  cluster: { name: ${name}-database }
  instances: 2
  type: rw
  pgbouncer:
    poolMode: transaction
    parameters:
      max_client_conn: "1000"
      default_pool_size: "20"
      query_wait_timeout: "10"
`
}

export function valkey(facts: Facts): string {
  const name = serviceName(facts)
  const own = labels(facts, 'valkey').replace(`name: ${name},`, `name: ${name}-valkey,`)
  return `# Valkey for jobs: bounded, never evicting, on disk within a second. For failover use a managed one, and REDIS_URL alone.
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: ${name}-valkey
  namespace: ${name}
spec:
  serviceName: ${name}-valkey
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
        runAsUser: 999
        fsGroup: 999
        seccompProfile: { type: RuntimeDefault }
      containers:
        - name: valkey
          image: valkey/valkey:8
          args: ["--requirepass", "$(VALKEY_PASSWORD)", "--maxmemory", "512mb", "--maxmemory-policy", "noeviction", "--appendonly", "yes"]
          env:
            - name: VALKEY_PASSWORD
              valueFrom:
                secretKeyRef: { name: ${name}, key: VALKEY_PASSWORD }
          ports:
            - { name: valkey, containerPort: 6379 }
          resources:
            requests: { cpu: 100m, memory: 768Mi }
            limits: { memory: 768Mi }
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }
          readinessProbe:
            tcpSocket: { port: valkey }
          volumeMounts:
            - { name: data, mountPath: /data }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec:
        accessModes: [ReadWriteOnce]
        resources: { requests: { storage: 10Gi } }
---
apiVersion: v1
kind: Service
metadata:
  name: ${name}-valkey
  namespace: ${name}
spec:
  selector: ${own}
  ports:
    - { name: valkey, port: 6379, targetPort: valkey }
`
}
