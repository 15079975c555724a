import type { JsonSchema } from '../openapi/index.ts'

const LIST = ['string', 'number', 'integer', 'boolean', 'null', 'array', 'object'] as const

/** A JSON Schema as a TypeScript type.
 *  @example
 *  typeOf({ type: ['string', 'null'] })       // -> string | null */
export function typeOf(schema: JsonSchema | boolean | undefined, indent = ''): string {
  if (schema === undefined || schema === true) return 'unknown'
  if (schema === false) return 'never'
  const parts = partsOf(schema, indent).filter((part) => part !== 'unknown')
  if (parts.length === 0) return schema.not !== undefined && Object.keys(schema.not).length === 0 ? 'never' : 'unknown'
  return parts.length === 1 ? parts[0]! : parts.map(grouped).join(' & ')
}

/** What holds of the value, all at the same time. */
function partsOf(schema: JsonSchema, indent: string): string[] {
  if (schema.$ref !== undefined) return [nameOfRef(schema.$ref)]
  if (schema.const !== undefined) return [literal(schema.const)]
  if (schema.enum) return [union(schema.enum.map(literal))]
  const alternatives = schema.anyOf ?? schema.oneOf
  const types = schema.type === undefined ? (schema.properties ? ['object'] : []) : [schema.type].flat()
  return [
    ...(schema.allOf ?? []).map((part) => typeOf(part, indent)),
    ...(alternatives ? [union(alternatives.map((option) => typeOf(option, indent)))] : []),
    ...(types.length > 0 ? [union(types.map((type) => plain(type as (typeof LIST)[number], schema, indent)))] : []),
  ]
}

function plain(type: (typeof LIST)[number], schema: JsonSchema, indent: string): string {
  switch (type) {
    case 'string':
      return schema.format === 'binary' ? 'Blob' : 'string'
    case 'number':
    case 'integer':
      return 'number'
    case 'boolean':
    case 'null':
      return type
    case 'array':
      return arrayOf(schema, indent)
    case 'object':
      return objectOf(schema, indent)
    default:
      return 'unknown'
  }
}

function arrayOf({ prefixItems, items }: JsonSchema, indent: string): string {
  if (!prefixItems) return `${grouped(typeOf(items, indent))}[]`
  const rest = items === undefined || items === false ? [] : [`...${grouped(typeOf(items, indent))}[]`]
  return `[${[...prefixItems.map((item) => typeOf(item, indent)), ...rest].join(', ')}]`
}

function objectOf(
  { properties = {}, required = [], additionalProperties, patternProperties }: JsonSchema,
  indent: string,
): string {
  const inner = `${indent}  `
  const fields = Object.entries(properties).map(([name, schema]) => {
    const optional = required.includes(name) ? '' : '?'
    return `${comment(schema, inner)}${inner}${keyOf(name)}${optional}: ${typeOf(schema, inner)}`
  })
  const values = [
    ...Object.values(patternProperties ?? {}),
    ...(typeof additionalProperties === 'object' ? [additionalProperties] : []),
  ]
  const record =
    values.length > 0 ? `Record<string, ${union(values.map((value) => typeOf(value, indent)))}>` : undefined
  if (fields.length === 0) return record ?? 'Record<string, unknown>'
  const object = `{\n${fields.join('\n')}\n${indent}}`
  return record ? `${object} & ${record}` : object
}

/** A doc comment from what the schema says of itself; empty without. */
export function comment(schema: JsonSchema | { description?: string; deprecated?: boolean }, indent: string): string {
  const format = 'format' in schema && typeof schema.format === 'string' ? `Format: ${schema.format}.` : ''
  const words = [schema.description ?? '', format, schema.deprecated ? '@deprecated' : ''].filter(Boolean).join(' ')
  return words ? `${indent}/** ${words.replaceAll('*/', '*\\/').replace(/\s+/g, ' ')} */\n` : ''
}

export function keyOf(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
}

/** `#/components/schemas/Order` -> `Order`, as an identifier. */
export function nameOfRef(ref: string): string {
  return identifier(ref.slice(ref.lastIndexOf('/') + 1))
}

export function identifier(name: string): string {
  const word = name.replace(/\W/g, '_')
  return /^\d/.test(word) ? `_${word}` : word
}

function union(options: string[]): string {
  const unique = [...new Set(options)]
  return unique.includes('unknown')
    ? 'unknown'
    : unique.length === 0
      ? 'never'
      : unique.map((option) => (option.includes(' & ') ? `(${option})` : option)).join(' | ')
}

function grouped(type: string): string {
  return / [|&] /.test(type.replace(/\{[^]*\}/g, '')) ? `(${type})` : type
}

function literal(value: unknown): string {
  if (typeof value === 'object' && value !== null) return 'unknown'
  return JSON.stringify(value)
}
