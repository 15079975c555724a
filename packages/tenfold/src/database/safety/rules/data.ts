/** Data changed by a migration: in batches, apart from changes of the schema, or not at all. */
import type { Node, RangeVar } from 'libpg-query'
import { nameOf, partsOf } from '../parse.ts'
import type { Rule, Surroundings } from './rule.ts'

export const writes: Rule = ({ node, sql }, around) => {
  const change = changeOf(node)
  if (!change) return []
  const table = around.schema.local(nameOf(change.relation))
  if (around.isNew(table) || isOneRow(table, change.where, around)) return []
  if (around.file.phase === 'backfill' && sql.includes('(tRuE)')) return []
  return [{ code: change.code, details: { table } }]
}

interface Change {
  code: 'unbatched-update' | 'unbatched-delete' | 'unbatched-insert'
  relation: RangeVar | undefined
  where: Node | undefined
}

function changeOf(node: Node): Change | undefined {
  if ('UpdateStmt' in node)
    return { code: 'unbatched-update', relation: node.UpdateStmt.relation, where: node.UpdateStmt.whereClause }
  if ('DeleteStmt' in node)
    return { code: 'unbatched-delete', relation: node.DeleteStmt.relation, where: node.DeleteStmt.whereClause }
  if ('MergeStmt' in node) return { code: 'unbatched-update', relation: node.MergeStmt.relation, where: undefined }
  if ('InsertStmt' in node) {
    const { selectStmt, relation } = node.InsertStmt
    const copies = selectStmt && 'SelectStmt' in selectStmt && selectStmt.SelectStmt.fromClause !== undefined
    return copies ? { code: 'unbatched-insert', relation, where: undefined } : undefined
  }
  if ('SelectStmt' in node) {
    const inner = (node.SelectStmt.withClause?.ctes ?? []).flatMap((one) =>
      'CommonTableExpr' in one && one.CommonTableExpr.ctequery
        ? [changeOf(one.CommonTableExpr.ctequery) ?? []].flat()
        : [],
    )
    return inner[0]
  }
  return undefined
}

/** `where key = constant`, for every column of a key. */
function isOneRow(table: string, where: Node | undefined, { schema }: Surroundings): boolean {
  const fixed = new Set<string>()
  const look = (one: Node | undefined): void => {
    if (!one) return
    if ('BoolExpr' in one && one.BoolExpr.boolop === 'AND_EXPR') for (const arg of one.BoolExpr.args ?? []) look(arg)
    if (!('A_Expr' in one) || one.A_Expr.kind !== 'AEXPR_OP' || partsOf(one.A_Expr.name).name !== '=') return
    const { lexpr, rexpr } = one.A_Expr
    if (lexpr && 'ColumnRef' in lexpr && rexpr && ('A_Const' in rexpr || 'TypeCast' in rexpr)) {
      fixed.add(partsOf(lexpr.ColumnRef.fields).name)
    }
  }
  look(where)
  return (schema.tables.get(table)?.keys ?? []).some(
    (key) => key.length > 0 && key.every((column) => fixed.has(column)),
  )
}
