/** The part of OpenAPI 3.1 that we write. */
export interface OpenApiDocument {
  openapi: '3.1.1'
  info: { title: string; version: string; description?: string }
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: {
    schemas: Record<string, JsonSchema>
    responses: Record<string, ApiResponse>
    securitySchemes: Record<string, object>
  }
}

export interface Operation {
  operationId: string
  tags: string[]
  summary?: string
  description?: string
  deprecated?: boolean
  parameters?: Parameter[]
  requestBody?: { required: boolean; content: Record<string, { schema?: JsonSchema }> }
  responses: Record<string, ApiResponse | { $ref: string }>
  security: Record<string, string[]>[]
  /** What is said and told over a WebSocket at this address. */
  'x-socket'?: { receive?: JsonSchema; send: JsonSchema }
  /** The route as it is written in the app: `GET /orders/:id`. */
  'x-route': string
}

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  description?: string
  schema: JsonSchema
}

export interface ApiResponse {
  description: string
  content?: Record<string, { schema: JsonSchema }>
}

/** JSON Schema 2020-12, as far as we look into it. */
export interface JsonSchema {
  $ref?: string
  $defs?: Record<string, JsonSchema>
  type?: string | string[]
  title?: string
  description?: string
  format?: string
  default?: unknown
  const?: unknown
  enum?: unknown[]
  properties?: Record<string, JsonSchema>
  required?: string[]
  additionalProperties?: JsonSchema | boolean
  patternProperties?: Record<string, JsonSchema>
  propertyNames?: JsonSchema
  items?: JsonSchema | boolean
  prefixItems?: JsonSchema[]
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  allOf?: JsonSchema[]
  not?: JsonSchema
  deprecated?: boolean
  [keyword: string]: unknown
}
