/** Kubernetes: the same manifests as plain files and as a Helm chart. */
import type { Facts, PlannedFile, Stage } from '../deploy.ts'
import { serviceName } from '../names.ts'
import { configMap, namespace } from './configuration.ts'
import { databaseCluster, valkey } from './database.ts'
import { collectorPods, monitoring } from './observe.ts'
import { autoscaler, disruptionBudget, ingress, networkPolicies, service } from './traffic.ts'
import { chartWords, type Values, valuesOf, valuesYaml } from './values.ts'
import { deployment, migrationJob, workloadsOf } from './workloads.ts'

export function kubernetesFiles(facts: Facts, stage: Stage): PlannedFile[] {
  const files = manifests(facts, stage, valuesOf(facts, stage), false)
  return [
    { path: 'namespace.yaml', text: namespace(facts), about: 'a namespace whose pods have no rights' },
    ...files,
  ].map((file) => ({ ...file, path: `kubernetes/${file.path}` }))
}

export function chartFiles(facts: Facts, stage: Stage): PlannedFile[] {
  const values = valuesOf(facts, stage)
  const about = 'the same manifest, as a template'
  const templates = manifests(facts, stage, chartWords(values), true).map((file) => ({
    ...file,
    about,
    path: `helm/templates/${file.path}`,
  }))
  const chart = `apiVersion: v2
name: ${serviceName(facts)}
description: ${facts.app} at stage ${stage}
type: application
version: 0.1.0
`
  return [
    { path: 'helm/Chart.yaml', text: chart, about: 'the chart' },
    {
      path: 'helm/values.yaml',
      text: `# What differs between installations; the namespace is ${serviceName(facts)}: helm install --create-namespace\n${valuesYaml(values)}`,
      about: 'what can be set',
    },
    ...templates,
  ]
}

function manifests(facts: Facts, stage: Stage, values: Values, helm: boolean): PlannedFile[] {
  const workloads = workloadsOf(facts, stage)
  const serving = workloads.filter(({ serves }) => serves)
  const together = (texts: readonly string[]): string => texts.join('---\n')
  return [
    {
      path: 'configuration.yaml',
      text: configMap(facts, stage, values),
      about: 'the environment, and which secrets it needs',
    },
    { path: 'database.yaml', text: databaseCluster(facts, values), about: 'Postgres by CloudNativePG, with PgBouncer' },
    ...(stage >= 5 ? [{ path: 'valkey.yaml', text: valkey(facts), about: 'Valkey for jobs' }] : []),
    {
      path: 'migrate.yaml',
      text: migrationJob(facts, values, helm),
      about: 'applies the migrations, before the pods of a release',
    },
    ...workloads.map((one) => ({
      path: `${one.part}.yaml`,
      text: deployment(facts, one, values),
      about: `the pods of ${one.part}`,
    })),
    {
      path: 'services.yaml',
      text: together([...serving.map((one) => service(facts, one)), ingress(facts, values)]),
      about: 'the way to the pods, from outside by TLS',
    },
    {
      path: 'scaling.yaml',
      text: together(workloads.map((one) => autoscaler(facts, one, values))),
      about: 'how many pods: by busy event loops and busy workers',
    },
    {
      path: 'disruption.yaml',
      text: together(workloads.map((one) => disruptionBudget(facts, one))),
      about: 'one pod at a time while machines are emptied',
    },
    {
      path: 'monitoring.yaml',
      text: monitoring(facts, stage, helm),
      about: "whom Prometheus asks, the app's alert rules, the dashboard",
    },
    {
      path: 'collector.yaml',
      text: collectorPods(facts),
      about: 'the OpenTelemetry collector; leave it out where nothing takes traces',
    },
    { path: 'network.yaml', text: networkPolicies(facts, stage), about: 'who may talk to whom' },
  ]
}
