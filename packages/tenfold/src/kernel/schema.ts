/** Any validator that speaks Standard Schema (https://standardschema.dev): zod, valibot, arktype and others. */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { defineError } from './errors.ts'

export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>
export type AnySchema<Input = any, Output = any> = StandardSchemaV1<Input, Output>
export type InputOf<S extends AnySchema> = StandardSchemaV1.InferInput<S>
export type OutputOf<S extends AnySchema> = StandardSchemaV1.InferOutput<S>

/** One thing that is wrong with a value: where, and what. `path` is dotted, empty for the value itself. */
export interface Issue {
  path: string
  message: string
}

export type Validated<T> = { ok: true; value: T } | { ok: false; issues: Issue[] }

/** Checks a value against a schema. Never throws for a bad value; asynchronous schemas are awaited. */
export async function validate<S extends AnySchema>(schema: S, value: unknown): Promise<Validated<OutputOf<S>>> {
  return validateNow(schema, value)
}

/** The same, at once where the schema answers at once: for hot paths, where a promise costs as much as a check. */
export function validateNow<S extends AnySchema>(
  schema: S,
  value: unknown,
): Validated<OutputOf<S>> | Promise<Validated<OutputOf<S>>> {
  const answer = schema['~standard'].validate(value)
  return answer instanceof Promise ? answer.then((late) => validated<S>(late)) : validated<S>(answer)
}

function validated<S extends AnySchema>(result: StandardSchemaV1.Result<unknown>): Validated<OutputOf<S>> {
  return result.issues
    ? { ok: false, issues: result.issues.map(toIssue) }
    : { ok: true, value: result.value as OutputOf<S> }
}

function toIssue(issue: StandardSchemaV1.Issue): Issue {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  return { path, message: issue.message }
}

/** A schema that is a question: for what the framework itself stores and reads back, where no validator is installed.
 *  @example const Id = schemaOf<{ id: string }>('an id', (value) => typeof value.id === 'string') */
export function schemaOf<T extends object>(
  what: string,
  is: (value: Record<string, unknown>) => boolean,
): StandardSchemaV1<T, T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'tenfold',
      validate: (value) =>
        typeof value === 'object' && value !== null && is(value as Record<string, unknown>)
          ? { value: value as T }
          : { issues: [{ message: `not ${what}` }] },
    },
  }
}

export const NoJsonSchema = defineError('TF_NO_JSON_SCHEMA', {
  says: (e: { where: string; vendor: string }) =>
    `The schema of ${e.where} (${e.vendor}) cannot be written as JSON Schema.`,
  fix: 'Use a validator that implements Standard JSON Schema (zod 4.2 or newer does) and types that JSON can carry.',
})

/** The schema as JSON Schema 2020-12, through the Standard JSON Schema interface.
 *  `side` is `input` for what callers send and `output` for what they get back. */
export function toJsonSchema(schema: AnySchema, side: 'input' | 'output', where: string): Record<string, unknown> {
  const standard = schema['~standard'] as Partial<StandardJSONSchemaV1.Props> & { vendor: string }
  try {
    const made = standard.jsonSchema?.[side]({ target: 'draft-2020-12' })
    if (made) return made
  } catch (error) {
    throw NoJsonSchema({ where, vendor: standard.vendor }, { cause: error })
  }
  throw NoJsonSchema({ where, vendor: standard.vendor })
}
