/** Whether a query is a plain read by what the query builder knows of it: its kind and all parts of it. What is not on these
 *  lists (raw text, functions that we do not know, locks, queries inside `with` that change something) is not provably one. */
import type { CompiledQuery, OperationNode } from 'kysely'

const PARTS = new Set([
  'AggregateFunctionNode AliasNode AndNode BinaryOperationNode CaseNode CastNode CollateNode ColumnNode',
  'CommonTableExpressionNode CommonTableExpressionNameNode DataTypeNode FetchNode FromNode FunctionNode GroupByItemNode',
  'GroupByNode HavingNode IdentifierNode JoinNode JSONOperatorChainNode JSONPathLegNode JSONPathNode JSONReferenceNode',
  'LimitNode ListNode OffsetNode OnNode OperatorNode OrNode OrderByItemNode OrderByNode OverNode ParensNode',
  'PartitionByItemNode PartitionByNode PrimitiveValueListNode RawNode ReferenceNode SchemableIdentifierNode SelectAllNode',
  'SelectModifierNode SelectQueryNode SelectionNode SetOperationNode SimpleReferenceExpressionNode TableNode TupleNode',
  'UnaryOperationNode ValueListNode ValueNode ValuesNode WhenNode WhereNode WithNode',
].flatMap((line) => line.split(' '))) // prettier-ignore

/** None of these writes, locks, waits or depends on the server that runs it. */
const FUNCTIONS = new Set([
  'abs any array_agg array_length avg bit_and bit_or bool_and bool_or btrim cardinality ceil coalesce concat concat_ws count',
  'cume_dist date_part date_trunc dense_rank every exp extract first_value floor greatest jsonb_agg json_agg json_build_object',
  'jsonb_build_object jsonb_object_agg json_object_agg lag last_value lead least left length ln log lower lpad ltrim max md5',
  'min mod mode now nth_value ntile nullif percent_rank percentile_cont percentile_disc position power rank replace reverse',
  'right round row_number row_to_json rpad rtrim similarity split_part sqrt stddev string_agg strpos substr substring sum',
  'to_char to_date to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector plainto_tsquery websearch_to_tsquery',
  'ts_rank trim trunc unnest upper var_pop variance',
].flatMap((line) => line.split(' '))) // prettier-ignore

/** Raw text that the query builder itself writes: directions, lists, and its helpers for nested JSON. */
const TEXTS = new Set([
  '', ',', ', ', ' ', 'asc', 'desc', 'true', 'false', 'null',
  "(select coalesce(json_agg(agg), '[]') from ", ' as agg)', '(select to_json(obj) from ', ' as obj)', 'json_build_object(', ')',
]) // prettier-ignore

/** Remembered by the text of the query: one text means one thing, whatever it was built from. */
const REMEMBERED = 2000

/** @returns a judge with a memory of its own: walking a query costs microseconds, remembering it a fraction of one. */
export function createPlainReads(): (query: Pick<CompiledQuery, 'sql' | 'query'>) => boolean {
  const known = new Map<string, boolean>()
  return ({ sql, query }) => {
    if (query.kind !== 'SelectQueryNode') return false
    let answer = known.get(sql)
    if (answer === undefined) {
      if (known.size >= REMEMBERED) known.clear()
      known.set(sql, (answer = isPlainRead(query)))
    }
    return answer
  }
}

export function isPlainRead(root: OperationNode): boolean {
  return root.kind === 'SelectQueryNode' && isPlain(root)
}

interface AnyNode extends OperationNode {
  func?: string
  modifier?: string
  sqlFragments?: readonly string[]
}

function isPlain(node: AnyNode): boolean {
  const { kind } = node
  if (!PARTS.has(kind)) return false
  // What is inside are values, which may look like anything.
  if (kind === 'ValueNode' || kind === 'PrimitiveValueListNode') return true
  if (node.func !== undefined && !FUNCTIONS.has(node.func.toLowerCase())) return false
  if (kind === 'SelectModifierNode' && node.modifier !== 'Distinct') return false
  if (node.sqlFragments && !node.sqlFragments.every((text) => TEXTS.has(text))) return false
  for (const part of Object.values(node)) {
    if (typeof part !== 'object' || part === null) continue
    if (!Array.isArray(part)) {
      if (!isPlain(part as AnyNode)) return false
    } else {
      for (const one of part) if (typeof one === 'object' && one !== null && !isPlain(one as AnyNode)) return false
    }
  }
  return true
}
