/** A page of the tutorial as steps. What a reader does, the runner does; what the page shows, has to come.
 *
 *    ```sh                 commands, one after another in one shell; all of them succeed
 *    ```sh fails           the last of them fails, and that is what the page is about
 *    ```sh terminal=app    a terminal of its own: goes on until `<!-- stop app -->`, or until the last page ends
 *    ```text               what the block before has printed: these lines, in this order; `…` is anything
 *    ```text eventually    the same, but the commands are asked again until they say so
 *    ```ts file=app.ts     a file with this text
 *    <!-- ports 3000 -->   numbers that stand for ports; the runner takes free ones instead */

export type Step =
  | { kind: 'commands'; text: string; fails: boolean; line: number }
  | { kind: 'terminal'; name: string; text: string; line: number }
  | { kind: 'output'; text: string; eventually: boolean; line: number }
  | { kind: 'file'; path: string; text: string; line: number }
  | { kind: 'stop'; name: string; line: number }

export interface TutorialPage {
  ports: number[]
  steps: Step[]
}

export function readPage(markdown: string): TutorialPage {
  const lines = markdown.split('\n')
  const page: TutorialPage = { ports: [], steps: [] }
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1
    const [, ports] = /^<!-- ports ([\d ]+) -->$/.exec(lines[i]!) ?? []
    if (ports) page.ports.push(...ports.split(' ').map(Number))
    const [, stop] = /^<!-- stop (\S+) -->$/.exec(lines[i]!) ?? []
    if (stop) page.steps.push({ kind: 'stop', name: stop, line })
    const [, language, info = ''] = /^```(\w+) ?(.*)$/.exec(lines[i]!) ?? []
    if (!language) continue
    const end = lines.indexOf('```', i + 1)
    const text = `${lines.slice(i + 1, end).join('\n')}\n`
    const step = stepOf(language, info, text, line)
    if (step) page.steps.push(step)
    i = end
  }
  return page
}

function stepOf(language: string, info: string, text: string, line: number): Step | undefined {
  const [, key, value = ''] = /^(\w+)=(\S+)$/.exec(info) ?? []
  if (key === 'file') return { kind: 'file', path: value, text, line }
  if (language === 'sh' && key === 'terminal') return { kind: 'terminal', name: value, text, line }
  if (language === 'sh' && (info === '' || info === 'fails'))
    return { kind: 'commands', text, fails: info === 'fails', line }
  if (language === 'text' && (info === '' || info === 'eventually'))
    return { kind: 'output', text, eventually: info === 'eventually', line }
  if (info !== '') throw new Error(`line ${line}: '${info}' means nothing to the runner`)
  return undefined
}

/** The first line of `expected` that `actual` does not have in its place; undefined when all are there. */
export function missingLine(expected: string, actual: string): string | undefined {
  const left = actual.split('\n').map((line) => line.trim())
  for (const line of expected.split('\n').map((one) => one.trim())) {
    if (line === '') continue
    const pattern = new RegExp(`^${line.split('…').map(escape).join('.*')}$`)
    const at = left.findIndex((one) => pattern.test(one))
    if (at < 0) return line
    left.splice(0, at + 1)
  }
  return undefined
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ +/g, ' +')
}
