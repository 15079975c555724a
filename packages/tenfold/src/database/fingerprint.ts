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

/** Lists of values shrink to one (`in ($1, $2)` -> `in (…)`), parameters and literals to `?`, white space to one blank. */
export function normalise(text: string): string {
  return text
    .replace(/--[^\n]*/g, ' ')
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/'(?:[^']|'')*'/g, '?')
    .replace(/\$\d+/g, '?')
    .replace(/(?<![\w."])-?\d+(?:\.\d+)?(?![\w."])/g, '?')
    .replace(/\s+/g, ' ')
    .replace(/\(\s*\?(?:\s*,\s*\?)+\s*\)/g, '(…)')
    .replace(/\(…\)(?:\s*,\s*\(…\))+/g, '(…)')
    .trim()
}
