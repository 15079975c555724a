import type { Facts, Stage } from '../deploy.ts'
import { variablesOf, type Variable } from '../environment.ts'
import { serviceName } from '../names.ts'
import type { Values } from './values.ts'

export function namespace(facts: Facts): string {
  const name = serviceName(facts)
  return `# A namespace of its own; pods in it have to do without rights.
apiVersion: v1
kind: Namespace
metadata:
  name: ${name}
  labels:
    pod-security.kubernetes.io/enforce: restricted
---
# The app asks nothing of Kubernetes: its account has no rights and no token.
apiVersion: v1
kind: ServiceAccount
metadata:
  name: ${name}
  namespace: ${name}
automountServiceAccountToken: false
`
}

/** What is no secret. The others are named, so that whoever makes the secret knows what belongs into it. */
export function configMap(facts: Facts, stage: Stage, values: Values): string {
  const name = serviceName(facts)
  const variables = variablesOf(facts, stage, {
    database: `${name}-pooler:5432`,
    direct: `${name}-database-rw:5432`,
    replicas: [`${name}-database-ro:5432`],
    redis: `${name}-valkey:6379`,
    proxies: '10.0.0.0/8',
    files: '',
    host: '::',
    metrics: '::',
  })
  const plain = variables.filter(({ secret }) => !secret)
  const secrets = variables.filter(({ secret }) => secret)
  const valueOf = ({ name: variable, value }: Variable): string =>
    variable === 'PUBLIC_URL' ? `https://${values.domain}` : value!
  return `# The environment of every pod. The secret ${name} has the rest, and is not in these files:
${secrets.map((one) => `#   ${one.name}=${one.value ?? ''}   ${one.about}`).join('\n')}
${stage >= 5 ? '#   VALKEY_PASSWORD=   the PASSWORD in REDIS_URL\n' : ''}apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}
  namespace: ${name}
data:
${plain.map((one) => `  ${one.name}: "${valueOf(one)}"`).join('\n')}
`
}
