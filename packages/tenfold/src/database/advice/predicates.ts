/** What a statement asks of each table: which columns it compares, with what, and in which order it wants them. */
import type { A_Expr, Node, RangeVar, SelectStmt } from 'libpg-query'
import { partsOf, walk } from '../safety/parse.ts'
import { quoteIfNeeded } from './candidates.ts'

export interface TableUse {
  table: string
  /** Columns or expressions compared for equality, with values or with other tables. */
  equal: Set<string>
  /** Those of `equal` that are compared with other tables. */
  joined: Set<string>
  range: Set<string>
  /** Predicates without parameters, as SQL, by column. */
  fixed: Map<string, string>
  order: { column: string; descending: boolean }[]
  limited: boolean
  /** Asked with @>, && or @@. */
  contained: Set<string>
  /** All columns that a query of this table alone reads; undefined where that is not known, or is the whole row. */
  reads: ReadonlySet<string> | undefined
}

/** What a parameter is compared with: the values to try are made up from that column. */
export interface ParameterUse {
  table?: string
  column?: string
  operator: string
}

export interface Uses {
  tables: TableUse[]
  parameters: Map<number, ParameterUse>
}

/** Whether a table of this name has that column. */
export interface Catalogue {
  has(table: string, column?: string): boolean
}

type Scope = Map<string, TableUse>

export function usesOf(statement: Node, catalogue: Catalogue): Uses {
  const reader = new Reader(catalogue)
  reader.statement(statement, new Map())
  return { tables: reader.tables, parameters: reader.parameters }
}

class Reader {
  readonly tables: TableUse[] = []
  readonly parameters = new Map<number, ParameterUse>()
  private readonly catalogue: Catalogue

  constructor(catalogue: Catalogue) {
    this.catalogue = catalogue
  }

  statement(node: Node, outer: Scope): void {
    if ('SelectStmt' in node) this.select(node.SelectStmt, outer)
    const change = 'UpdateStmt' in node ? node.UpdateStmt : 'DeleteStmt' in node ? node.DeleteStmt : undefined
    if (change) {
      const scope = new Map(outer)
      this.add(change.relation, scope)
      const more = 'fromClause' in change ? change.fromClause : 'usingClause' in change ? change.usingClause : []
      for (const one of more ?? []) this.from(one, scope)
      this.where(change.whereClause, scope)
    }
    if ('InsertStmt' in node && node.InsertStmt.selectStmt) this.statement(node.InsertStmt.selectStmt, outer)
  }

  private select(select: SelectStmt, outer: Scope): void {
    for (const one of select.withClause?.ctes ?? []) {
      if ('CommonTableExpr' in one && one.CommonTableExpr.ctequery) this.statement(one.CommonTableExpr.ctequery, outer)
    }
    if (select.larg) this.select(select.larg, outer)
    if (select.rarg) this.select(select.rarg, outer)
    const scope = new Map(outer)
    const own: TableUse[] = []
    for (const one of select.fromClause ?? []) own.push(...this.from(one, scope))
    this.where(select.whereClause, scope)
    for (const one of select.targetList ?? []) this.inner(one, scope)
    if (own.length === 1 && scope.size === 1) own[0]!.reads = this.readsOf(select, own[0]!.table)
    const order = (select.sortClause ?? []).map((one) => {
      const by = 'SortBy' in one ? one.SortBy : undefined
      return { of: this.column(by?.node, scope), descending: by?.sortby_dir === 'SORTBY_DESC' }
    })
    const [first] = order
    if (first?.of && order.every(({ of }) => of?.use === first.of?.use)) {
      first.of.use.order = order.map(({ of, descending }) => ({ column: of!.column, descending }))
      first.of.use.limited = select.limitCount !== undefined
    }
    for (const limit of [select.limitCount, select.limitOffset]) {
      if (limit) this.parameter(limit, { operator: limit === select.limitCount ? 'limit' : 'offset' })
    }
  }

  private readsOf(select: SelectStmt, table: string): Set<string> | undefined {
    const reads = new Set<string>()
    let isKnown = true
    walk(select, (key, value) => {
      if (key === 'A_Star' || key === 'SubLink') isKnown = false
      if (key !== 'ColumnRef') return
      const { name } = partsOf(value.fields as Node[] | undefined)
      if (this.catalogue.has(table, name)) reads.add(quoteIfNeeded(name))
      else isKnown = false // the name of what was selected, or the whole row
    })
    return isKnown ? reads : undefined
  }

  private from(node: Node, scope: Scope): TableUse[] {
    if ('RangeVar' in node) return this.add(node.RangeVar, scope)
    if ('JoinExpr' in node) {
      const { larg, rarg, quals } = node.JoinExpr
      const tables = [...(larg ? this.from(larg, scope) : []), ...(rarg ? this.from(rarg, scope) : [])]
      this.where(quals, scope)
      return tables
    }
    if ('RangeSubselect' in node && node.RangeSubselect.subquery) this.statement(node.RangeSubselect.subquery, scope)
    return []
  }

  private add(relation: RangeVar | undefined, scope: Scope): TableUse[] {
    const table = relation?.relname ?? ''
    if (!this.catalogue.has(table)) return []
    const use: TableUse = {
      table,
      equal: new Set(),
      joined: new Set(),
      range: new Set(),
      fixed: new Map(),
      order: [],
      limited: false,
      contained: new Set(),
      reads: undefined,
    }
    this.tables.push(use)
    scope.set(relation?.alias?.aliasname ?? table, use)
    return [use]
  }

  private where(node: Node | undefined, scope: Scope): void {
    if (!node) return
    if ('BoolExpr' in node) {
      const { boolop, args = [] } = node.BoolExpr
      if (boolop === 'AND_EXPR') for (const one of args) this.where(one, scope)
      else if (boolop === 'OR_EXPR') for (const one of args) this.where(one, this.apart(scope))
      else for (const one of args) this.not(one, scope)
    } else if ('A_Expr' in node) this.compare(node.A_Expr, scope)
    else if ('NullTest' in node) {
      const { arg, nulltesttype } = node.NullTest
      const of = this.column(arg, scope)
      const word = nulltesttype === 'IS_NULL' ? 'is null' : 'is not null'
      of?.use.fixed.set(of.column, `${of.column} ${word}`)
    } else if ('ColumnRef' in node) {
      const of = this.column(node, scope)
      of?.use.fixed.set(of.column, of.column)
    } else this.inner(node, scope)
  }

  private not(node: Node, scope: Scope): void {
    const of = 'ColumnRef' in node ? this.column(node, scope) : undefined
    if (of) of.use.fixed.set(of.column, `not ${of.column}`)
    else this.inner(node, scope)
  }

  /** An arm of an OR is served by an index of its own. */
  private apart(scope: Scope): Scope {
    return new Map(
      [...scope].map(([alias, use]) => {
        const copy: TableUse = {
          ...use,
          equal: new Set(use.equal),
          joined: new Set(use.joined),
          range: new Set(use.range),
          fixed: new Map(use.fixed),
          contained: new Set(use.contained),
          order: [],
        }
        this.tables.push(copy)
        return [alias, copy]
      }),
    )
  }

  private compare(expression: A_Expr, scope: Scope): void {
    const { kind, lexpr, rexpr } = expression
    const operator = partsOf(expression.name).name
    this.inner(lexpr, scope)
    this.inner(rexpr, scope)
    const left = this.column(lexpr, scope)
    const right = this.column(rexpr, scope)
    if (kind === 'AEXPR_BETWEEN' && left && rexpr && 'List' in rexpr) {
      left.use.range.add(left.column)
      const [low, high] = rexpr.List.items ?? []
      if (low) this.parameter(low, { table: left.use.table, column: left.column, operator: 'from' })
      if (high) this.parameter(high, { table: left.use.table, column: left.column, operator: 'to' })
      return
    }
    for (const [side, other, value] of [[left, right, rexpr] as const, [right, left, lexpr] as const]) {
      if (!side || (other && other.use === side.use)) continue
      const { use, column } = side
      if (operator === '=') {
        use.equal.add(column)
        if (other) use.joined.add(column)
        const literal = kind === 'AEXPR_OP' && value ? literalOf(value) : undefined
        if (literal !== undefined) use.fixed.set(column, `${column} = ${literal}`)
      } else if (/^[<>]=?$/.test(operator) && !other) use.range.add(column)
      else if (['@>', '&&', '@@', '?'].includes(operator)) use.contained.add(column)
      const named = kind === 'AEXPR_OP_ANY' || kind === 'AEXPR_IN' ? 'any' : flipped(operator, side === right)
      if (value && !other) this.parameter(value, { table: use.table, column, operator: named })
    }
  }

  private parameter(node: Node, use: ParameterUse): void {
    if ('ParamRef' in node && node.ParamRef.number) this.parameters.set(node.ParamRef.number, use)
    if ('TypeCast' in node && node.TypeCast.arg) this.parameter(node.TypeCast.arg, use)
    if ('List' in node) for (const one of node.List.items ?? []) this.parameter(one, { ...use, operator: '=' })
  }

  /** Subqueries anywhere in an expression. */
  private inner(node: Node | undefined, scope: Scope): void {
    if (!node || typeof node !== 'object') return
    if ('SubLink' in node) {
      const { subselect, testexpr } = node.SubLink
      const of = this.column(testexpr, scope)
      of?.use.equal.add(of.column)
      of?.use.joined.add(of.column)
      if (subselect) this.statement(subselect, scope)
      return
    }
    for (const value of Object.values(node as Record<string, unknown>)) {
      if (Array.isArray(value)) for (const one of value) this.inner(one as Node, scope)
      else if (typeof value === 'object' && value !== null) this.inner(value as Node, scope)
    }
  }

  /** A column, `f(column)` or `column ->> 'key'`, as it would stand in an index. */
  private column(node: Node | undefined, scope: Scope): { use: TableUse; column: string } | undefined {
    if (!node) return undefined
    if ('TypeCast' in node) return undefined
    if ('ColumnRef' in node) {
      const { schema: alias, name } = partsOf(node.ColumnRef.fields)
      if (alias !== undefined) {
        const use = scope.get(alias)
        return use && this.catalogue.has(use.table, name) ? { use, column: quoteIfNeeded(name) } : undefined
      }
      const use = [...scope.values()].findLast((one) => this.catalogue.has(one.table, name))
      return use && { use, column: quoteIfNeeded(name) }
    }
    if ('FuncCall' in node && node.FuncCall.args?.length === 1) {
      const of = this.column(node.FuncCall.args[0], scope)
      const { name } = partsOf(node.FuncCall.funcname)
      return of && ['lower', 'upper', 'md5', 'abs', 'length'].includes(name)
        ? { ...of, column: `${name}(${of.column})` }
        : undefined
    }
    if ('A_Expr' in node && partsOf(node.A_Expr.name).name === '->>' && node.A_Expr.rexpr) {
      const of = this.column(node.A_Expr.lexpr, scope)
      const key = literalOf(node.A_Expr.rexpr)
      return of && key !== undefined ? { ...of, column: `(${of.column} ->> ${key})` } : undefined
    }
    return undefined
  }
}

function literalOf(node: Node): string | undefined {
  if ('TypeCast' in node) return node.TypeCast.arg ? literalOf(node.TypeCast.arg) : undefined
  if (!('A_Const' in node)) return undefined
  const { sval, ival, boolval, isnull } = node.A_Const
  if (isnull) return undefined
  if (sval) return `'${(sval.sval ?? '').replaceAll("'", "''")}'`
  if (boolval) return String(boolval.boolval ?? false)
  return ival ? String(ival.ival ?? 0) : undefined
}

function flipped(operator: string, isRight: boolean): string {
  if (!isRight) return operator
  return operator.replace(/[<>]/, (one) => (one === '<' ? '>' : '<'))
}
