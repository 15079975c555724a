/** A scenario from an OpenAPI 3 document: each operation once, in an order in which an app is used. */
import type { RequestStep, Scenario } from './scenario.ts'

interface Schema {
  type?: string | string[]
  format?: string
  enum?: unknown[]
  const?: unknown
  example?: unknown
  examples?: unknown[]
  default?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  minItems?: number
  minLength?: number
  maxLength?: number
  minimum?: number
  exclusiveMinimum?: number
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  $ref?: string
}

interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema?: Schema; example?: unknown; $ref?: string }[]
  requestBody?: { content?: Record<string, { schema?: Schema; example?: unknown }> }
  responses?: Record<string, { content?: Record<string, { schema?: Schema }> }>
}

export interface OpenApiLike {
  paths?: Record<string, Record<string, unknown>>
  components?: unknown
}

/** First who one is, then what is made, then what is read, changed and read again, and what is taken away at the end. */
const ORDER: readonly { methods: readonly string[]; saves?: boolean }[] = [
  { methods: ['post'], saves: true },
  { methods: ['put', 'patch'] },
  { methods: ['get'] },
  { methods: ['delete'] },
]
const SIGN_UP = /sign-?up|register|\/users$|\/accounts$/i
const LOG_IN = /log-?in|sign-?in|sessions?$|\/auth/i
const ASKED_AGAIN = 2

export function scenarioFromOpenApi(document: OpenApiLike): Scenario {
  const resolve = (schema: Schema | undefined): Schema => {
    if (!schema?.$ref) return schema ?? {}
    const path = schema.$ref.replace(/^#\//, '').split('/')
    return path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document) as Schema
  }
  const all = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => ORDER.some(({ methods }) => methods.includes(method)))
      .map(([method, operation]) => ({ method, path, operation: operation as Operation })),
  )
  const rank = (path: string): number => (SIGN_UP.test(path) ? 0 : LOG_IN.test(path) ? 1 : 2 + path.split('/').length)
  const steps: RequestStep[] = []
  for (const { methods, saves } of ORDER) {
    const now = all.filter(({ method }) => methods.includes(method))
    for (const { method, path, operation } of now.toSorted((a, b) => rank(a.path) - rank(b.path))) {
      steps.push(stepFor(method, path, operation, resolve, saves === true))
    }
  }
  // What was read before anything changed is read again: an answer that was cached meanwhile is found out.
  return { steps: steps.map((step) => (step.request.startsWith('GET ') ? { ...step, times: ASKED_AGAIN } : step)) }
}

function stepFor(
  method: string,
  path: string,
  operation: Operation,
  resolve: (schema: Schema | undefined) => Schema,
  saves: boolean,
): RequestStep {
  const query = new URLSearchParams()
  const headers: Record<string, string> = {}
  const filled = path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => `{{${variableFor(path, name)}}}`)
  for (const { name, in: where, required, schema, example } of operation.parameters ?? []) {
    if (!required || where === 'path') continue
    const value = String(example ?? sample(resolve(schema), resolve, name))
    if (where === 'query') query.set(name, value)
    if (where === 'header') headers[name] = value
  }
  const content = operation.requestBody?.content ?? {}
  const json = content['application/json']
  const search = query.size > 0 ? `?${query.toString().replaceAll('%7B%7B', '{{').replaceAll('%7D%7D', '}}')}` : ''
  return {
    request: `${method.toUpperCase()} ${filled}${search}`,
    ...(json && { body: json.example ?? sample(resolve(json.schema), resolve) }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(saves && { save: { [variableFor(`${path}/`, 'id')]: 'id' } }),
  }
}

/** `/orders/{id}` and `/orders/{orderId}/lines` mean the `id` that `POST /orders` has answered with. */
function variableFor(path: string, name: string): string {
  if (name !== 'id') return name.endsWith('Id') ? name : `${name}`
  const collection = path.split('/{')[0]!.split('/').filter(Boolean).at(-1) ?? 'item'
  return `${collection.replace(/ies$/, 'y').replace(/s$/, '')}Id`
}

const DEEPEST = 6

/** The least that a schema accepts. */
function sample(schema: Schema, resolve: (schema: Schema | undefined) => Schema, name = '', depth = 0): unknown {
  if (schema.example !== undefined) return schema.example
  if (schema.examples?.length) return schema.examples[0]
  if (schema.const !== undefined) return schema.const
  if (schema.default !== undefined) return schema.default
  if (schema.enum?.length) return schema.enum[0]
  if (depth > DEEPEST) return null
  const inner = (one: Schema | undefined, key = name): unknown => sample(resolve(one), resolve, key, depth + 1)
  const choice = schema.anyOf ?? schema.oneOf
  if (choice?.length) return inner(choice[0])
  if (schema.allOf?.length) return Object.assign({}, ...schema.allOf.map((one) => inner(one)))
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== 'null') : schema.type
  switch (type ?? (schema.properties ? 'object' : 'string')) {
    case 'object':
      return Object.fromEntries((schema.required ?? []).map((key) => [key, inner(schema.properties?.[key], key)]))
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => inner(schema.items))
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, (schema.exclusiveMinimum ?? 0) + 1)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return sampleText(schema, name)
  }
}

/** `{{unique}}` is another text in each run: an address can sign up once only. */
function sampleText({ format, minLength = 1, maxLength = 200 }: Schema, name: string): string {
  if (format === 'email' || /e-?mail/i.test(name)) return '{{unique}}@example.com'
  if (format === 'uuid') return '00000000-0000-4000-8000-000000000001'
  if (format === 'date-time') return '2030-01-01T00:00:00.000Z'
  if (format === 'date') return '2030-01-01'
  if (format === 'uri' || format === 'url') return 'https://example.com/'
  const text = /password|secret/i.test(name) ? 'a password for twins 1' : `${name || 'text'} for twins`
  return text.padEnd(minLength, 'x').slice(0, maxLength)
}
