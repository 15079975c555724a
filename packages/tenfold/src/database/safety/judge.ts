/** The second gate: our own rules, on the parsed SQL. */
import type { MigrationFile } from '../migrations/files.ts'
import type { Finding } from './safety.ts'
import { parseMigration, type Statement } from './parse.ts'
import { alterDomain, alterTable } from './rules/alter.ts'
import { otherModules, roles } from './rules/boundary.ts'
import { writes } from './rules/data.ts'
import { drops, renames, types } from './rules/drops.ts'
import { indexes, wholeTable } from './rules/locks.ts'
import type { Found, Rule, Surroundings } from './rules/rule.ts'
import { createdBy, together } from './rules/together.ts'
import type { KnownSchema } from './schema.ts'
import { WORDS } from './words.ts'

const RULES: readonly Rule[] = [
  alterTable,
  alterDomain,
  indexes,
  wholeTable,
  drops,
  renames,
  types,
  otherModules,
  roles,
  writes,
]

/** Judges one file, and adds what it makes to `schema`. */
export async function judge(file: MigrationFile, schema: KnownSchema): Promise<Finding[]> {
  const statements = await parseMigration(file)
  const created = new Set<string>()
  const around: Surroundings = { file, schema, isNew: (name) => created.has(schema.local(name)) }
  const found: { statement: Statement; found: Found }[] = []
  for (const statement of statements) {
    for (const rule of RULES) for (const one of rule(statement, around)) found.push({ statement, found: one })
    // `create table if not exists` does not make a table new that was there before.
    for (const name of createdBy(statement.node).map((one) => schema.local(one))) {
      if (!schema.tables.has(name)) created.add(name)
    }
    schema.apply(statement)
  }
  found.push(...together(statements, file, schema, created))
  found.sort((a, b) => a.statement.line - b.statement.line)
  return found.map(({ statement, found: { code, details } }) => ({
    code,
    level: WORDS[code].level,
    gate: 'rules',
    migration: `${file.module}/${file.name}`,
    file: file.file,
    line: statement.line,
    details: { schema: file.schema, ...details },
  }))
}

/** Takes what an applied file has made. */
export async function learn(file: MigrationFile, schema: KnownSchema): Promise<void> {
  for (const statement of await parseMigration(file)) schema.apply(statement)
}
