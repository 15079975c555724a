import type { AnySchema } from '../../kernel/index.ts'
import type { HttpRoute } from '../http.ts'
import { SchemaSet } from './schemas.ts'
import type { ApiResponse, JsonSchema, OpenApiDocument, Operation, Parameter } from './types.ts'

export interface OpenApiInfo {
  title: string
  version: string
  description?: string
}

/** The OpenAPI 3.1 document of these routes; hidden ones are left out. Throws TF_NO_JSON_SCHEMA, naming the route, for a
 *  schema with types that JSON cannot carry.
 *  @example
 *  openapi(routes, { title: 'shop', version: '1.0.0' }).paths['/orders/{id}']?.['get']?.operationId     // -> getOrdersById */
export function openapi(routes: readonly HttpRoute[], info: OpenApiInfo): OpenApiDocument {
  const shown = routes.filter((route) => !route.hidden)
  const schemas = new SchemaSet()
  const paths: OpenApiDocument['paths'] = {}
  for (const route of shown) {
    const path = (paths[templateOf(route.path)] ??= {})
    path[route.method.toLowerCase()] = operationOf(route, schemas)
  }
  return {
    openapi: '3.1.1',
    info: { ...info },
    tags: [...new Set(shown.map((route) => route.module))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...schemas.components, Problem: PROBLEM },
      responses: { Problem: PROBLEM_RESPONSE },
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: `${info.title}_session`, description: 'Set by signing in.' },
        bearer: { type: 'http', scheme: 'bearer', description: 'The token of a session, for clients without cookies.' },
      },
    },
  }
}

function operationOf(route: HttpRoute, schemas: SchemaSet): Operation {
  const id = operationIdOf(route)
  const Name = id[0]!.toUpperCase() + id.slice(1)
  const parameters = [
    ...pathParameters(route, schemas, Name),
    ...declaredParameters(route, 'query', route.query, schemas, `${Name}Query`),
    ...declaredParameters(route, 'header', route.headers, schemas, `${Name}Headers`),
  ]
  const requestBody = requestBodyOf(route, schemas, Name)
  return {
    operationId: id,
    tags: [route.module, ...(route.tags ?? [])],
    ...(route.summary === undefined ? {} : { summary: route.summary }),
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.deprecated ? { deprecated: true } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(requestBody ? { requestBody } : {}),
    responses: responsesOf(route, schemas, Name),
    security: securityOf(route),
    ...(route.socket && { 'x-socket': socketOf(route.socket, schemas, Name, route.name) }),
    'x-route': `${route.method} ${route.path}`,
  }
}

function socketOf(
  { receive, send }: NonNullable<HttpRoute['socket']>,
  schemas: SchemaSet,
  Name: string,
  route: string,
): NonNullable<Operation['x-socket']> {
  return {
    ...(receive && { receive: schemas.add(receive, 'input', `${Name}Receive`, route) }),
    send: schemas.add(send, 'output', `${Name}Send`, route),
  }
}

/** `/orders/:id` -> `/orders/{id}` */
function templateOf(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}').replace(/\*$/, '{*}')
}

/** `GET /orders/:id/lines` -> `getOrdersByIdLines` */
function operationIdOf({ method, path }: HttpRoute): string {
  const words = path
    .split('/')
    .filter(Boolean)
    .map((part) => part.replace(/:(\w+)/g, 'by-$1').replace('*', 'any'))
  const camel = words
    .flatMap((word) => word.split(/\W+|_/))
    .filter(Boolean)
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
  return method.toLowerCase() + (camel.length > 0 ? camel.join('') : 'Root')
}

function pathParameters(route: HttpRoute, schemas: SchemaSet, Name: string): Parameter[] {
  const { properties = {} } = route.params
    ? resolved(schemas, schemas.add(route.params, 'input', `${Name}Params`, route.name))
    : {}
  const names = [...route.path.matchAll(/:(\w+)|\*$/g)].map((match) => match[1] ?? '*')
  return names.map((name) => parameter(name, 'path', true, properties[name] ?? { type: 'string' }))
}

function declaredParameters(
  route: HttpRoute,
  where: 'query' | 'header',
  schema: AnySchema | undefined,
  schemas: SchemaSet,
  name: string,
): Parameter[] {
  if (!schema) return []
  const { properties = {}, required = [] } = resolved(schemas, schemas.add(schema, 'input', name, route.name))
  return Object.entries(properties).map(([key, value]) => parameter(key, where, required.includes(key), value))
}

function parameter(name: string, where: Parameter['in'], required: boolean, schema: JsonSchema): Parameter {
  const { description } = schema
  return { name, in: where, required, ...(description === undefined ? {} : { description }), schema }
}

/** The schema behind a reference. */
function resolved(schemas: SchemaSet, schema: JsonSchema): JsonSchema {
  return schema.$ref ? (schemas.components[schema.$ref.replace('#/components/schemas/', '')] ?? {}) : schema
}

function requestBodyOf(route: HttpRoute, schemas: SchemaSet, Name: string): Operation['requestBody'] {
  if (route.body === 'stream' || (route.raw && !route.body)) return { required: true, content: { '*/*': {} } }
  if (!route.body) return undefined
  return {
    required: true,
    content: { 'application/json': { schema: schemas.add(route.body, 'input', `${Name}Body`, route.name) } },
  }
}

function responsesOf(route: HttpRoute, schemas: SchemaSet, Name: string): Operation['responses'] {
  const problem = { $ref: '#/components/responses/Problem' }
  const auth = route.auth ?? 'public'
  const done: ApiResponse = route.reply
    ? {
        description: 'Done.',
        content: { 'application/json': { schema: schemas.add(route.reply, 'output', `${Name}Reply`, route.name) } },
      }
    : { description: 'Done.' }
  if (route.socket?.receive)
    return { 101: { description: 'A WebSocket: see `x-socket`.' }, 426: problem, default: problem }
  return {
    [route.status ?? (route.reply ? '200' : '2XX')]: done,
    ...(route.params || route.query || route.headers || route.body ? { 400: problem } : {}),
    ...(auth === 'user' || typeof auth === 'object' ? { 401: problem } : {}),
    ...(typeof auth === 'object' ? { 403: problem } : {}),
    ...(route.limit ? { 429: problem } : {}),
    default: problem,
  }
}

function securityOf({ auth = 'public' }: HttpRoute): Operation['security'] {
  if (auth === 'public') return []
  const roles = typeof auth === 'object' ? [auth.role].flat() : []
  return [...(auth === 'optional' ? [{}] : []), { session: roles }, { bearer: roles }]
}

const PROBLEM: JsonSchema = {
  type: 'object',
  description: 'What went wrong (RFC 9457).',
  properties: {
    type: { type: 'string' },
    title: { type: 'string', description: 'The status in words.' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What happened; absent from 500 on.' },
    code: { type: 'string', description: 'Permanent: what a program should look at.' },
    instance: { type: 'string', description: 'The request id: what a person should quote.' },
    errors: {
      type: 'array',
      description: 'Where a request is not valid.',
      items: {
        type: 'object',
        properties: { path: { type: 'string' }, message: { type: 'string' } },
        required: ['path', 'message'],
      },
    },
  },
  required: ['type', 'title', 'status', 'code', 'instance'],
}

const PROBLEM_RESPONSE: ApiResponse = {
  description: 'An error.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}
