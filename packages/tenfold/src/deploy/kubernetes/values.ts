/** What differs between installations. The same templates are filled with the values themselves (plain manifests) or with
 *  the words by which a chart refers to them: so the two cannot drift apart. */
import type { Facts, Stage } from '../deploy.ts'
import { serviceName } from '../names.ts'
import { appMemory, databaseSize, postgresSettings } from '../sizing.ts'

export interface Values {
  image: string
  domain: string
  web: Workload & { least: number; most: number }
  worker: Workload & { least: number; most: number }
  database: {
    instances: string | number
    storage: string
    memory: string
    cpu: string | number
    sharedBuffers: string
    maxConnections: string | number
  }
  /** Address of Prometheus, which KEDA asks. */
  prometheus: string
}

interface Workload {
  /** What is set aside, and what it may take at most. */
  cpu: string
  memory: string
}

export function valuesOf(facts: Facts, stage: Stage): Values {
  const size = databaseSize(facts, stage)
  const set = postgresSettings(size, true)
  const memory = `${Math.min(1024, appMemory(facts, stage))}Mi`
  return {
    image: `registry.example.com/${serviceName(facts)}:latest`,
    domain: facts.domain,
    web: { cpu: '500m', memory, least: Math.max(2, facts.instances), most: Math.max(10, facts.instances * 5) },
    worker: { cpu: '500m', memory, least: 1, most: 10 },
    database: {
      instances: stage >= 4 ? facts.replicas + 1 : 2,
      storage: '50Gi',
      memory: `${Math.floor(size.memory)}Gi`,
      cpu: size.cores,
      sharedBuffers: `${set.sharedBuffers}MB`,
      maxConnections: set.maxConnections,
    },
    prometheus: 'http://prometheus-operated.monitoring.svc:9090',
  }
}

/** Each value as a chart says it: `{{ .Values.web.memory }}`. */
export function chartWords(values: Values): Values {
  const words = (value: unknown, path: string): unknown =>
    typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, words(inner, `${path}.${key}`)]))
      : `{{ ${path} }}`
  return words(values, '.Values') as Values
}

/** `values.yaml`. */
export function valuesYaml(values: Values): string {
  const lines = (value: object, indent: string): string =>
    Object.entries(value)
      .map(([key, inner]: [string, unknown]) =>
        typeof inner === 'object' && inner !== null
          ? `${indent}${key}:\n${lines(inner, `${indent}  `)}`
          : `${indent}${key}: ${String(inner)}\n`,
      )
      .join('')
  return lines(values, '')
}
