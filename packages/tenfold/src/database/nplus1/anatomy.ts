/** Where the values of a statement stand, and what for: in the order in which they appear, so that two statements of one
 *  fingerprint can be compared place by place. A list of values is one place. Not a parser: what it cannot tell is `other`. */

export interface Place {
  /** `equal`  column = $1, also a list of one
   *  `insert` a column of a single inserted row        `list`  a list of values, or an array
   *  `range`  <, >, between, like …                    `page`  limit, offset
   *  `set`    what an update writes                    `other` an argument of a function, a part of an expression */
  role: 'equal' | 'insert' | 'list' | 'range' | 'page' | 'set' | 'other'
  /** Lower case, without table and quotes; undefined where the statement does not tell. */
  column: string | undefined
  /** The number of a parameter, counted from 1; 0 for a value in the text. */
  parameter: number
  literal: string | undefined
}

const TOKENS =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\d+|(?<![\w.])\d+(?:\.\d+)?|[A-Za-z_][\w$]*|::|[<>=!~@|&#+*/%^-]+|[(),.;[\]]/g
const CLAUSE = new Set(['set', 'where', 'from', 'returning', 'values', 'on', 'having', 'limit', 'offset', 'using'])
const RANGES = new Set([
  '<',
  '>',
  '<=',
  '>=',
  '<>',
  '!=',
  'like',
  'ilike',
  'between',
  '~',
  '~*',
  '@>',
  '<@',
  '&&',
  '@@',
])

const KNOWN = 2000

/** `anatomyOf`, remembered by text. */
export function createAnatomy(): (text: string) => Place[] {
  const known = new Map<string, Place[]>()
  return (text) => {
    let places = known.get(text)
    if (places) return places
    if (known.size >= KNOWN) known.clear()
    known.set(text, (places = anatomyOf(text)))
    return places
  }
}

export function anatomyOf(text: string): Place[] {
  const tokens = (text.match(TOKENS) ?? []).filter((token) => !token.startsWith('--') && !token.startsWith('/*'))
  const places: Place[] = []
  const inserted = insertedColumns(tokens)
  let clause = ''
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!
    const word = token.toLowerCase()
    if (word === 'on' && tokens[i + 1]?.toLowerCase() === 'conflict') clause = 'conflict'
    else if (word === 'set' && clause === 'conflict') clause = 'set'
    else if (CLAUSE.has(word) || word === 'fetch') clause = word
    if (word === 'values' && inserted.length > 0) {
      const row = insertedRow(tokens, i + 1, inserted)
      places.push(...row.places)
      i = row.end
      continue
    }
    if (!isValue(token)) continue
    const listEnd = endOfList(tokens, i)
    if (listEnd > i && before(tokens, i, 2) === 'in') {
      places.push(place(tokens, i, 'list', columnBefore(tokens, i - 2)))
      i = listEnd
    } else {
      places.push(single(tokens, i, clause))
    }
  }
  return places
}

function isValue(token: string): boolean {
  return /^(?:\$\d|'|\d)/.test(token)
}

function single(tokens: readonly string[], at: number, clause: string): Place {
  const previous = before(tokens, at, 1)
  if (clause === 'limit' || clause === 'offset' || clause === 'fetch') return place(tokens, at, 'page', undefined)
  if (previous === '(' && before(tokens, at, 2) === 'in') {
    const negated = before(tokens, at, 3) === 'not'
    return place(tokens, at, negated ? 'range' : 'equal', columnBefore(tokens, at - 2))
  }
  if (previous === '(' && ['any', 'all', 'some'].includes(before(tokens, at, 2))) {
    return place(tokens, at, 'list', columnBefore(tokens, at - 3))
  }
  if (previous === '=') return place(tokens, at, clause === 'set' ? 'set' : 'equal', columnBefore(tokens, at - 1))
  if (RANGES.has(previous)) return place(tokens, at, 'range', columnBefore(tokens, at - 1))
  if (previous === 'and' && before(tokens, at, 3) === 'between') {
    return place(tokens, at, 'range', columnBefore(tokens, at - 3))
  }
  const compared = operatorOfRow(tokens, at)
  if (compared === '=' || RANGES.has(compared))
    return place(tokens, at, compared === '=' ? 'equal' : 'range', undefined)
  const next = afterCast(tokens, at)
  if (tokens[next] === '=' && clause !== 'set') return place(tokens, at, 'equal', columnAfter(tokens, next))
  if (RANGES.has(tokens[next]?.toLowerCase() ?? '')) return place(tokens, at, 'range', columnAfter(tokens, next))
  return place(tokens, at, clause === 'set' ? 'set' : 'other', undefined)
}

function place(tokens: readonly string[], at: number, role: Place['role'], column: string | undefined): Place {
  const token = tokens[at]!
  if (token.startsWith('$')) return { role, column, parameter: Number(token.slice(1)), literal: undefined }
  const literal = token.startsWith("'") ? token.slice(1, -1).replaceAll("''", "'") : token
  return { role, column, parameter: 0, literal }
}

function before(tokens: readonly string[], at: number, steps: number): string {
  return tokens[at - steps]?.toLowerCase() ?? ''
}

/** The index of the last value of `$1, $2, $3)`; `at` itself for a single one. */
function endOfList(tokens: readonly string[], at: number): number {
  let end = at
  while (tokens[end + 1] === ',' && isValue(tokens[end + 2] ?? '')) end += 2
  return end
}

/** Of a value within `(a, b) > ($1, $2)`. */
function operatorOfRow(tokens: readonly string[], at: number): string {
  let open = at - 1
  while (tokens[open] === ',' && isValue(tokens[open - 1] ?? '')) open -= 2
  return tokens[open] === '(' ? before(tokens, open, 1) : ''
}

/** `o.author_id =` -> author_id; undefined behind an expression. */
function columnBefore(tokens: readonly string[], operator: number): string | undefined {
  let at = operator - 1
  if (before(tokens, at + 1, 1) === 'not') at--
  return columnAt(tokens[at])
}

function columnAfter(tokens: readonly string[], operator: number): string | undefined {
  let at = operator + 1
  while (tokens[at + 1] === '.') at += 2
  return tokens[at + 1] === '(' ? undefined : columnAt(tokens[at])
}

function columnAt(token: string | undefined): string | undefined {
  if (token === undefined || !/^["A-Za-z_]/.test(token)) return undefined
  return token.replaceAll('"', '').toLowerCase()
}

function afterCast(tokens: readonly string[], at: number): number {
  return tokens[at + 1] === '::' ? at + 3 : at + 1
}

function insertedColumns(tokens: readonly string[]): (string | undefined)[] {
  const into = tokens.findIndex((token, i) => token.toLowerCase() === 'into' && before(tokens, i, 1) === 'insert')
  const open = into < 0 ? -1 : tokens.indexOf('(', into)
  const values = tokens.findIndex((token, i) => i > into && /^(?:values|select)$/i.test(token))
  if (into < 0 || open < 0 || values < open) return []
  return tokens
    .slice(open + 1, tokens.indexOf(')', open))
    .filter((token) => token !== ',')
    .map(columnAt)
}

/** The places of the first row behind `values`; several rows are a list for each column. */
function insertedRow(
  tokens: readonly string[],
  open: number,
  columns: readonly (string | undefined)[],
): { places: Place[]; end: number } {
  const places: Place[] = []
  let [depth, column, rows] = [0, 0, 0]
  for (let at = open; at < tokens.length; at++) {
    const token = tokens[at]!
    if (token === '(') {
      if (depth++ === 0) rows++
    } else if (token === ')') {
      if (--depth === 0 && tokens[at + 1] !== ',') return { places: rows > 1 ? listed(places) : places, end: at }
    } else if (token === ',' && depth === 1) column++
    else if (isValue(token) && rows === 1) {
      places.push(place(tokens, at, depth === 1 ? 'insert' : 'other', columns[column]))
    }
  }
  return { places, end: tokens.length }
}

function listed(places: readonly Place[]): Place[] {
  return places.map((one) => ({ ...one, role: 'list' }))
}
