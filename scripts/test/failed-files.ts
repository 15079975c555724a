import { appendFileSync } from 'node:fs'
import type { TestEvent } from 'node:test/reporters'

/** A reporter of `node --test`: the files in which something failed, one a line, in the file that FAILED_FILES names. Written at
 *  once: a run that is forced to end does not wait for what its reporters have still to say. */
// oxlint-disable-next-line require-yield
export default async function* failedFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const told = new Set<string>()
  for await (const event of events) {
    const file = failedIn(event)
    if (file === undefined || told.has(file)) continue
    told.add(file)
    appendFileSync(process.env['FAILED_FILES']!, `${file}\n`)
  }
}

/** A failure names the file that its test is written in: for a suite that several files share, that is none that can be
 *  run. Which of them it was is told by the summary of the file. */
function failedIn({ type, data }: TestEvent): string | undefined {
  if (type === 'test:summary') return data.success ? undefined : data.file
  if (type !== 'test:fail' || data.todo || !data.file?.includes('.test.')) return undefined
  return data.file
}
