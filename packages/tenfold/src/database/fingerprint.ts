/** The shape of a statement, without its values: what query statistics and N+1 detection count by.
 *  Statements are parametrised, so their text repeats: the answer is kept by text, and a hit costs one Map lookup. */

const LIMIT = 5000

export type Fingerprint = (text: string) => string

export function createFingerprint(): Fingerprint {
  const known = new Map<string, string>()
  return (text) => {
    const hit = known.get(text)
    if (hit !== undefined) return hit
    const made = normalise(text)
    if (known.size >= LIMIT) known.delete(known.keys().next().value!)
    known.set(text, made)
    return made
  }
}

/** Comments, strings in each of their forms, quoted names: read from left to right, since each may hold the signs of the others.
 *  What has no end was cut off there. Source: PostgreSQL documentation, "Lexical Structure". */
const QUOTED =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|(?<![\w$])e'(?:[^'\\]|\\[\s\S]|'')*(?:\\?$|')|'(?:[^']|'')*(?:'|$)|(?<![\w$])\$([a-z_]\w*)?\$[\s\S]*?(?:\$\1\$|$)|"(?:[^"]|"")*(?:"|$)/gi

/** Texts become `?`, comments a blank; names stay. */
export function withoutLiterals(text: string): string {
  return text.replaceAll(QUOTED, (part) => (part.startsWith('"') ? part : /^(?:--|\/\*)/.test(part) ? ' ' : '?'))
}

/** Lists of values shrink to one (`in ($1, $2)` -> `in (…)`), parameters and literals to `?`, white space to one blank. */
export function normalise(text: string): string {
  return withoutLiterals(text)
    .replace(/\$\d+/g, '?')
    .replace(/(?<![\w."])-?\d+(?:\.\d+)?(?![\w."])/g, '?')
    .replace(/\s+/g, ' ')
    .replace(/\(\s*\?(?:\s*,\s*\?)+\s*\)/g, '(…)')
    .replace(/\(…\)(?:\s*,\s*\(…\))+/g, '(…)')
    .trim()
}
