import type { Law } from './law.ts'

interface Rule {
  pattern: RegExp
  why: string
}

/** Text that belongs on somebody's machine or in somebody's notes, not in a repository that speaks for itself. */
const RULES: readonly Rule[] = [
  { pattern: /\/root\/[\w.-]/, why: 'a path of one machine' },
  { pattern: /\/home\/(?!USER\b|user\b|you\b)[\w-]+\//, why: 'a path of one machine' },
  { pattern: /\/Users\/[\w-]+\//, why: 'a path of one machine' },
  { pattern: /\b[A-Z]:\\Users\\/, why: 'a path of one machine' },
  { pattern: /\b(TODO|FIXME|XXX)\b/, why: 'do it, or say in the text what is not done' },
  {
    pattern: /\bcoming soon\b|\bnot (yet )?implemented\b|\blorem ipsum\b/i,
    why: 'what is not here is absent; nothing announces itself',
  },
  { pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{36}\b/, why: 'a secret' },
]

/** The only files that may show the words: this one, its test, texts of others. */
const EXEMPT = ['tests/repo/words.ts', 'tests/repo/words.test.ts', 'package-lock.json', 'LICENSE']

export const words: Law = {
  name: 'no path of one machine, no secret, no note to oneself',
  why: 'Whoever reads this has another machine, and was not there.',
  atLeast: 100,
  judge(tree) {
    const files = [...tree].filter(([path, text]) => text !== '' && !EXEMPT.includes(path))
    const faults = files.flatMap(([path, text]) => {
      if (!RULES.some(({ pattern }) => pattern.test(text))) return []
      return text.split('\n').flatMap((line, i) =>
        RULES.flatMap(({ pattern, why }) => {
          const found = pattern.exec(line)?.[0]
          return found === undefined ? [] : [`${path}:${i + 1} says '${found}' - ${why}`]
        }),
      )
    })
    return { seen: files.length, faults }
  },
}
