import type { TwinReport } from '../twin.ts'
import { headline, WORDS, wordsOf, wordsOfDifference } from '../words.ts'
import type { Cause } from '../findings.ts'

/** JUnit's XML, as CI servers read it: one test case for each assumption that is looked for. */
export function renderJunit({ findings, command, ms }: TwinReport): string {
  const causes = Object.keys(WORDS) as Cause[]
  const cases = causes.map((cause) => {
    const found = findings.filter((one) => one.cause === cause)
    const name = `name="${escape(`${cause}: ${WORDS[cause].title}`)}" classname="twin"`
    if (found.length === 0) return `    <testcase ${name}/>`
    const failures = found.map((one) => {
      const text = [
        WORDS[cause].means,
        ...one.differences.map(wordsOfDifference),
        ...one.evidence.map(wordsOf),
        `fix: ${WORDS[cause].fix}`,
      ]
      return `      <failure type="${cause}" message="${escape(headline(one))}">${escape(text.join('\n'))}</failure>`
    })
    return `    <testcase ${name}>\n${failures.join('\n')}\n    </testcase>`
  })
  const counts = `tests="${causes.length}" failures="${new Set(findings.map(({ cause }) => cause)).size}" time="${ms / 1000}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${escape(`twin: ${command}`)}" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

/** Characters that XML 1.0 does not allow are left out. */
function escape(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
