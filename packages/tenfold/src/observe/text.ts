const LITERAL = /'(?:[^']|'')*'|(?<![\w."$])\d+(?:\.\d+)?(?![\w."])/g

/** A statement as it may be kept: values that were written into its text become parameters. Existing apps do that, and what
 *  they wrote there may be anybody's. Comments go, since some tools write the request into them.
 *  @example parametrised("select * from t where a = $1 and b = 'x'")  // -> select * from t where a = $1 and b = $2 */
export function parametrised(text: string): string {
  const plain = text.replaceAll(/--[^\n]*/g, ' ').replaceAll(/\/\*[\s\S]*?\*\//g, ' ')
  let highest = Math.max(0, ...[...plain.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
  return plain.replaceAll(LITERAL, () => `$${++highest}`).trim()
}
