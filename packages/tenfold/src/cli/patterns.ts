/** Patterns in the schemas of routes that some texts keep busy for minutes, and the whole process with them (ReDoS). They are found
 *  by analysis, not by a guess at their looks: https://github.com/RunDevelopment/scslre. It looks at repetitions that can take the
 *  same text; alternatives that can, as in `(\w|\d)*`, it does not see. */
import { toJsonSchema, type AnySchema } from '../kernel/index.ts'
import type { Module } from '../modules/index.ts'

export interface SlowPatterns {
  /** Time grows with a power of two of the length: thirty characters are enough. */
  problems: string[]
  /** With its square or cube, where nothing bounds the length. */
  warnings: string[]
}

const INPUTS = ['params', 'query', 'headers', 'body'] as const

export async function slowPatterns(modules: readonly Module[]): Promise<SlowPatterns> {
  const { analyse } = await import('scslre')
  const found: SlowPatterns = { problems: [], warnings: [] }
  const seen = new Set<string>()
  for (const { route, schema, where } of schemasOf(modules)) {
    for (const { pattern, bounded } of patternsIn(schema)) {
      const id = `${route} ${where} ${pattern}`
      if (seen.has(id)) continue
      seen.add(id)
      const growth = growthOf(analyse, pattern)
      const what = `${route}: in ${where}, the pattern /${pattern}/`
      if (growth === 'exponential')
        found.problems.push(
          `${what} can take for ever: thirty characters are enough. Write it without a repetition inside of a repetition.`,
        )
      else if (growth === 'polynomial' && !bounded)
        found.warnings.push(`${what} takes much longer for long texts: give them a greatest length.`)
    }
  }
  return found
}

function* schemasOf(modules: readonly Module[]): Generator<{ route: string; schema: unknown; where: string }> {
  for (const part of modules.flatMap((module) => module.parts)) {
    if (part.kind !== 'route') continue
    const options = part.options as Partial<Record<(typeof INPUTS)[number], AnySchema | 'stream'>>
    for (const where of INPUTS) {
      const given = options[where]
      if (given === undefined || given === 'stream') continue
      const schema = jsonOf(given, part.path)
      if (schema) yield { route: part.path, schema, where }
    }
  }
}

/** Undefined for a schema that cannot be written as JSON Schema. */
function jsonOf(schema: AnySchema, route: string): unknown {
  try {
    return toJsonSchema(schema, 'input', route)
  } catch {
    return undefined
  }
}

function* patternsIn(node: unknown, bounded = false): Generator<{ pattern: string; bounded: boolean }> {
  if (typeof node !== 'object' || node === null) return
  const { pattern, maxLength } = node as { pattern?: unknown; maxLength?: unknown }
  // Several patterns of one text stand below its length.
  const short = bounded || (typeof maxLength === 'number' && maxLength <= SHORT)
  if (typeof pattern === 'string') yield { pattern, bounded: short }
  for (const inner of Object.values(node)) yield* patternsIn(inner, short)
}

/** Its square is nothing. */
const SHORT = 5000

function growthOf(
  analyse: typeof import('scslre').analyse,
  source: string,
): 'linear' | 'polynomial' | 'exponential' | undefined {
  for (const flags of ['u', '']) {
    try {
      const { reports } = analyse({ source, flags })
      if (reports.some(({ exponential }) => exponential)) return 'exponential'
      return reports.length > 0 ? 'polynomial' : 'linear'
    } catch {
      // Not a pattern under these flags.
    }
  }
  return undefined
}
