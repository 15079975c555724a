/** Statements that hold up everybody who uses a table, for as long as they run. */
import type { RangeVar } from 'libpg-query'
import { nameOf, partsOf } from '../parse.ts'
import type { Found, Rule, Surroundings } from './rule.ts'

export const indexes: Rule = ({ node }, around) => {
  if ('IndexStmt' in node) {
    const { concurrent, relation, idxname = '' } = node.IndexStmt
    const table = around.schema.local(nameOf(relation))
    return around.isNew(table) ? [] : concurrency('index-not-concurrent', concurrent, { table, name: idxname }, around)
  }
  if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_INDEX') {
    const names = (node.DropStmt.objects ?? []).flatMap((one) => ('List' in one ? [partsOf(one.List.items).name] : []))
    const concurrent = node.DropStmt.concurrent
    return names
      .filter((name) => !around.isNew(around.schema.indexes.get(name) ?? ''))
      .flatMap((name) => concurrency('drop-index-not-concurrent', concurrent, { name }, around))
  }
  if ('ReindexStmt' in node) {
    const concurrent = (node.ReindexStmt.params ?? []).some(
      (one) => 'DefElem' in one && one.DefElem.defname === 'concurrently',
    )
    const name = nameOf(node.ReindexStmt.relation) || (node.ReindexStmt.name ?? '')
    return concurrency('reindex-not-concurrent', concurrent, { name }, around)
  }
  return []
}

function concurrency(
  code: 'index-not-concurrent' | 'drop-index-not-concurrent' | 'reindex-not-concurrent' | 'refresh-not-concurrent',
  concurrent: boolean | undefined,
  details: { table?: string; name: string },
  { file }: Surroundings,
): Found[] {
  if (!concurrent) return [{ code, details }]
  return file.transactional ? [{ code: 'concurrent-in-transaction', details }] : []
}

export const wholeTable: Rule = ({ node }, around) => {
  const used = (relations: readonly (RangeVar | undefined)[]): string[] =>
    relations.map((one) => around.schema.local(nameOf(one))).filter((table) => !around.isNew(table))
  if ('TruncateStmt' in node) {
    const relations = (node.TruncateStmt.relations ?? []).map((one) => ('RangeVar' in one ? one.RangeVar : undefined))
    return used(relations).map((table) => ({ code: 'truncate', details: { table } }))
  }
  if ('LockStmt' in node) {
    const relations = (node.LockStmt.relations ?? []).map((one) => ('RangeVar' in one ? one.RangeVar : undefined))
    return used(relations).map((table) => ({ code: 'lock-table', details: { table } }))
  }
  if ('VacuumStmt' in node) {
    const full = (node.VacuumStmt.options ?? []).some((one) => 'DefElem' in one && one.DefElem.defname === 'full')
    const [first] = node.VacuumStmt.rels ?? []
    const table = first && 'VacuumRelation' in first ? nameOf(first.VacuumRelation.relation) : ''
    return full ? [{ code: 'vacuum-full', details: { table } }] : []
  }
  if ('ClusterStmt' in node) return [{ code: 'cluster', details: { table: nameOf(node.ClusterStmt.relation) } }]
  if ('RefreshMatViewStmt' in node) {
    const { relation, concurrent } = node.RefreshMatViewStmt
    const name = nameOf(relation)
    // Unlike the others, REFRESH … CONCURRENTLY may run inside a transaction.
    return concurrent || around.isNew(name) ? [] : [{ code: 'refresh-not-concurrent', details: { name } }]
  }
  if ('CreateTrigStmt' in node) {
    const details = { table: nameOf(node.CreateTrigStmt.relation), name: node.CreateTrigStmt.trigname ?? '' }
    return used([node.CreateTrigStmt.relation]).length > 0 ? [{ code: 'create-trigger', details }] : []
  }
  if ('RuleStmt' in node) {
    return [
      {
        code: 'create-trigger',
        details: { table: nameOf(node.RuleStmt.relation), name: node.RuleStmt.rulename ?? '' },
      },
    ]
  }
  return []
}
