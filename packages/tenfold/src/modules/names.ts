import { defineError } from '../kernel/index.ts'
import type { Part } from './kit.ts'

export const BadName = defineError('TF_BAD_NAME', {
  says: (e: { kind: string; name: string }) => `'${e.name}' cannot be the name of a ${e.kind}.`,
  fix: 'Use lower-case letters, digits, `-`, `_` and `.`, beginning with a letter, at most 60 characters. Names are permanent: they are stored.',
})

export const ForeignPart = defineError('TF_FOREIGN_PART', {
  says: (e: { module: string; part: string; owner: string }) =>
    `Module '${e.module}' lists ${e.part}, which was made with the kit of '${e.owner}'.`,
  fix: 'List a definition in the manifest of the module whose kit made it.',
})

export const DuplicateName = defineError('TF_DUPLICATE_NAME', {
  says: (e: { kind: string; name: string }) => `There are two ${e.kind}s named '${e.name}'.`,
  fix: 'Rename one of them; a name identifies one definition for ever.',
})

/** Names that Postgres, or the platform itself, has taken for schemas. */
const RESERVED = new Set(['tenfold', 'public', 'information_schema', 'modules'])

export function checkName(kind: string, name: string): string {
  const pattern =
    kind === 'module'
      ? /^[a-z][a-z0-9_]{0,29}$/
      : kind === 'metric'
        ? /^[a-z][a-z0-9_.]{0,59}$/
        : /^[a-z][a-z0-9_.-]{0,59}$/
  const reserved = kind === 'module' && (RESERVED.has(name) || name.startsWith('pg_') || name.endsWith('_owner'))
  if (!pattern.test(name) || reserved) throw BadName({ kind, name })
  return name
}

export function nameOf(part: Part): string {
  if (part.kind === 'route') return part.path
  if (part.kind === 'event') return part.shape.name
  if (part.kind === 'implementation') return part.contract.name
  return part.name
}

/** Refuses parts of another module, and two of one kind and name. Jobs, crons and subscriptions share one space of names:
 *  all of them run as jobs. */
export function checkParts<P extends Part>(module: string, parts: readonly P[]): readonly P[] {
  const seen = new Set<string>()
  for (const part of parts) {
    const name = nameOf(part)
    if (part.module !== module) throw ForeignPart({ module, part: `${part.kind} '${name}'`, owner: part.module })
    const space = part.kind === 'subscription' || part.kind === 'cron' ? 'job' : part.kind
    if (seen.has(`${space} ${name}`)) throw DuplicateName({ kind: part.kind, name })
    seen.add(`${space} ${name}`)
  }
  return parts
}
