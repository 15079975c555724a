/** Values to plan a query with, made up from the statistics of the columns that its parameters are compared with. */
import type { ParameterUse } from './predicates.ts'
import type { ColumnStatistics, TableStatistics } from './statistics.ts'

export function valueFor(use: ParameterUse | undefined, tables: readonly TableStatistics[]): string | null {
  if (use?.operator === 'limit') return '20'
  if (use?.operator === 'offset') return '0'
  if (!use?.table || !use.column) return null
  const column = use.column.replaceAll('"', '')
  // An expression has no statistics before its index exists: any text is as good as another.
  if (column.startsWith('(')) return use.operator === 'any' ? '{tenfold}' : 'tenfold'
  const known = tables
    .find(({ table }) => table === use.table)
    ?.columns.get(/^\w+\((\w+)\)$/.exec(column)?.[1] ?? column)
  if (!known) return null
  const { operator } = use
  if (['@>', '&&', '@@', '?'].includes(operator)) return contained(known)
  const at = (share: number): string | null => {
    const from = known.bounds.length > 0 ? known.bounds : known.common
    return from[Math.min(from.length - 1, Math.floor(from.length * share))] ?? null
  }
  if (operator === 'any')
    return `{${[0.2, 0.5, 0.8]
      .flatMap((share) => at(share) ?? [])
      .map(quoted)
      .join(',')}}`
  if (operator.startsWith('>')) return at(0.95)
  if (operator.startsWith('<')) return at(0.05)
  if (operator === 'from') return at(0.5)
  if (operator === 'to') return at(0.52)
  // A value of middling frequency: neither the most common one nor one that is not there.
  return known.bounds.length > 0 ? at(0.5) : (known.common[Math.floor(known.common.length / 2)] ?? null)
}

function contained({ type, common }: ColumnStatistics): string {
  if (type === 'jsonb') return '{"tenfold": 1}'
  if (type === 'tsvector') return 'tenfold'
  return common[0] ?? '{}'
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
