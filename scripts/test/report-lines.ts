const CLOSING = /^ℹ (?=(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+\n?$)/

/** The closing lines of the test runner in the form that counters of tests look for: `# tests 12`. Other lines stay as they are. */
export function closingLine(line: string): string {
  return line.replace(CLOSING, '# ')
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
