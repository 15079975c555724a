import { type AnySchema, toJsonSchema } from '../../kernel/index.ts'
import type { JsonSchema } from './types.ts'

/** The named schemas of one document. Validators give each schema as a small document of its own (`#/$defs/…`, `#`);
 *  here they become one, with one component for each name and shape. */
export class SchemaSet {
  readonly components: Record<string, JsonSchema> = {}
  /** For each component the text of all that it consists of, to tell equal ones from those that only share a name. */
  private readonly shapes = new Map<string, string>()

  /** The schema, with references into `#/components/schemas`.
   *  @param where what it belongs to, in PascalCase: names what has no name of its own. */
  add(schema: AnySchema, side: 'input' | 'output', where: string, route: string): JsonSchema {
    const { $schema: _, $defs = {}, ...root } = toJsonSchema(schema, side, route) as JsonSchema
    const local = { ...$defs }
    if (refsOf(root).includes('#')) local['#'] = root
    const names = new Map(Object.keys(local).map((name) => [name, this.nameFor(name, local, side, where)]))
    for (const [name, component] of names) this.components[component] ??= rewritten(local[name]!, names)
    return names.has('#') ? { $ref: refTo(names.get('#')!) } : (rewritten(root, names) as JsonSchema)
  }

  private nameFor(name: string, local: Record<string, JsonSchema>, side: 'input' | 'output', where: string): string {
    const shape = shapeOf(name, local)
    const wanted =
      name === '#' ? where : /^__/.test(name) ? where + name.replace(/\W|_/g, '') : name.replace(/[^\w.-]/g, '_')
    const candidates = [wanted, `${wanted}${side === 'input' ? 'Input' : 'Output'}`]
    for (let number = 1; ; number++) {
      const candidate = candidates[number - 1] ?? `${wanted}${number}`
      const known = this.shapes.get(candidate)
      if (known !== undefined && known !== shape) continue
      this.shapes.set(candidate, shape)
      return candidate
    }
  }
}

function refTo(component: string): string {
  return `#/components/schemas/${component}`
}

/** A schema and all that it refers to, as text. */
function shapeOf(name: string, local: Record<string, JsonSchema>): string {
  const seen = new Set<string>([name])
  for (const each of seen) {
    for (const ref of refsOf(local[each])) seen.add(ref === '#' ? '#' : ref.replace('#/$defs/', ''))
  }
  return JSON.stringify([...seen].map((each) => [each, rewritten(local[each] ?? {}, new Map())]))
}

function refsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(refsOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' && typeof inner === 'string' ? [inner] : refsOf(inner),
  )
}

/** A copy with its references renamed. A closed object becomes an open one: a field added to a reply is no breaking change. */
function rewritten(value: unknown, names: ReadonlyMap<string, string>): JsonSchema {
  const copy = (item: unknown): unknown => {
    if (Array.isArray(item)) return item.map(copy)
    if (typeof item !== 'object' || item === null) return item
    const out: Record<string, unknown> = {}
    for (const [key, inner] of Object.entries(item)) {
      if (key === '$ref' && typeof inner === 'string')
        out[key] = refTo(names.get(inner.replace('#/$defs/', '')) ?? inner)
      else if (!(key === 'additionalProperties' && inner === false)) out[key] = copy(inner)
    }
    return out
  }
  return copy(value) as JsonSchema
}
