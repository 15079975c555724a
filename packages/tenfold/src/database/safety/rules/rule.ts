import type { Node } from 'libpg-query'
import type { Details, Judged } from '../safety.ts'
import type { Statement } from '../parse.ts'
import type { KnownSchema } from '../schema.ts'
import type { RuleCode } from '../words.ts'

export interface Found {
  code: RuleCode
  details?: Details
}

/** What a rule may look at, beside the statement itself. */
export interface Surroundings {
  file: Judged
  /** Before this statement. */
  schema: KnownSchema
  /** Whether nobody can be using that table: it was made earlier in the same file. */
  isNew(table: string): boolean
}

/** Looks at one statement; finds nothing, or more than one fault. */
export type Rule = (statement: Statement, around: Surroundings) => Found[]

export type NodeOf<Kind extends string> = Extract<Node, Record<Kind, unknown>>
