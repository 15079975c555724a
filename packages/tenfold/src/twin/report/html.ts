/** A run as one page that needs nothing else. */
import type { TwinFindingView, TwinRunView } from '../../inspect/index.ts'
import { escape, figures, page, rows } from '../../report/index.ts'

export function renderHtml(run: TwinRunView): string {
  const { command, at, instances, steps, runs, ms, findings, notes, clean, passed, watched } = run
  const when = `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
  return page({
    title: `Twin test: ${command}`,
    subtitle: `${when} · ${(ms / 1000).toFixed(1)} s · ${watched ? 'watched from inside' : 'judged by its answers and its disk'}`,
    body: [
      figures([
        {
          label: passed ? 'result' : 'assumptions of a single instance',
          value: passed ? 'passes' : String(findings.length),
          tone: passed ? 'good' : 'trouble',
        },
        { label: 'instances at once', value: String(instances) },
        { label: 'steps', value: String(steps) },
        { label: 'runs', value: String(runs), note: 'of the whole scenario' },
      ]),
      ...findings.map(findingSection),
      notes.length > 0 ? section('Notes', list(notes)) : '',
      section(
        passed ? 'Nothing of this was seen' : 'Not seen',
        `<p>As far as this scenario shows.</p>${rows(
          ['', 'what was looked for'],
          clean.map(({ cause, title }) => [cause, title]),
          true,
        )}`,
      ),
    ].join(''),
  })
}

function findingSection({ cause, title, means, fix, places, differences, evidence }: TwinFindingView): string {
  const where = places.length > 0 ? ` <small>${escape(places.join(', '))}</small>` : ''
  return section(
    `${escape(title)}${where}`,
    [
      `<p>${escape(means)} <code>${escape(cause)}</code></p>`,
      list([...differences, ...evidence]),
      `<p><strong>Fix</strong> ${escape(fix)}</p>`,
    ].join(''),
  )
}

/** @param title HTML */
function section(title: string, content: string): string {
  return `<section><h2>${title}</h2>${content}</section>`
}

function list(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `<ul>${lines.map((line) => `<li>${escape(line)}</li>`).join('')}</ul>`
}
