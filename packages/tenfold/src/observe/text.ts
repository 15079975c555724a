const LITERAL = /'(?:[^']|'')*'|(?<![\w."$])\d+(?:\.\d+)?(?![\w."])/g

/** A statement as it may be kept: values that were written into its text become parameters. Existing apps do that, and what
 *  they wrote there may be anybody's. Comments go, since some tools write the request into them.
 *  @example parametrised("select * from t where a = $1 and b = 'x'")  // -> select * from t where a = $1 and b = $2 */
export function parametrised(text: string): string {
  const plain = withoutComments(text)
  let highest = Math.max(0, ...[...plain.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
  return plain.replaceAll(LITERAL, () => `$${++highest}`).trim()
}

/** What was written into a statement's text in place of parameters. */
export function literalsIn(text: string): string[] {
  return withoutComments(text).match(LITERAL) ?? []
}

function withoutComments(text: string): string {
  return text.replaceAll(/--[^\n]*/g, ' ').replaceAll(/\/\*[\s\S]*?\*\//g, ' ')
}
