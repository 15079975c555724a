const CLOSING = /^ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)\n?$/

/** What the test runner counts, in the order in which it tells. */
export type Counts = Map<string, number>

/** Takes the closing lines of the test runner out of its report. */
export function takeCount(line: string, counts: Counts): boolean {
  const [, name, value] = CLOSING.exec(line) ?? []
  if (name === undefined) return false
  counts.set(name, Number(value))
  return true
}

/** The counts in the form that counters of tests look for: `# tests 12`. A second run of some files puts what it found in
 *  place of what failed in the first. */
export function closingLines(first: Counts, again?: Counts): string {
  const counts = new Map(first)
  if (again) {
    const wrong = (of: Counts): number => (of.get('fail') ?? 0) + (of.get('cancelled') ?? 0)
    counts.set('pass', (first.get('pass') ?? 0) + Math.max(0, wrong(first) - wrong(again)))
    for (const name of ['fail', 'cancelled']) counts.set(name, again.get(name) ?? 0)
    counts.set('duration_ms', (first.get('duration_ms') ?? 0) + (again.get('duration_ms') ?? 0))
  }
  return [...counts].map(([name, value]) => `# ${name} ${value}\n`).join('')
}

/** Hands on whole lines, each with its end, however the text was cut; `end` hands on what has no end. */
export function inLines(take: (line: string) => void): { write(text: string): void; end(): void } {
  let rest = ''
  return {
    write(text) {
      const lines = (rest + text).split(/(?<=\n)/)
      rest = lines.at(-1)?.endsWith('\n') === false ? (lines.pop() ?? '') : ''
      for (const line of lines) take(line)
    },
    end() {
      if (rest !== '') take(rest)
      rest = ''
    },
  }
}
