import { appendFileSync } from 'node:fs'
import type { TestEvent } from 'node:test/reporters'

/** A reporter of `node --test`: the files in which something failed, one a line, in the file that FAILED_FILES names. Written at
 *  once: a run that is forced to end does not wait for what its reporters have still to say. */
// oxlint-disable-next-line require-yield
export default async function* failedFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const told = new Set<string>()
  for await (const { type, data } of events) {
    if (type !== 'test:fail' || data.todo || data.file === undefined || told.has(data.file)) continue
    told.add(data.file)
    appendFileSync(process.env['FAILED_FILES']!, `${data.file}\n`)
  }
}
