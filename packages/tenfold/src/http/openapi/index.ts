/** The OpenAPI 3.1 document of an app, from the same definitions that serve its requests. */
export { openapi, type OpenApiInfo } from './document.ts'
export type { JsonSchema, OpenApiDocument, Operation, Parameter } from './types.ts'
