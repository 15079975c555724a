import { adviseIndexesOf, connect } from '../../app/index.ts'
import { adviseIndexes, type Advice } from '../../database/advice/index.ts'
import { readWorkload } from '../../inspect/index.ts'
import type { Command, Invocation } from '../command.ts'
import { BadOptionValue, ObservedDatabaseUnknown } from '../errors.ts'
import { withObserved } from '../observed.ts'
import type { Output } from '../output.ts'
import { loadProject } from '../project.ts'

export const indexes: Command = {
  options: { days: { type: 'string', value: '<n>', about: 'how far to look back (default: 7)' } },
  examples: ['tenfold indexes', 'tenfold indexes --days 30 --json', 'DATABASE_URL=postgres://… tenfold indexes'],
  async run({ flags, output }) {
    const value = String(flags.days ?? 7)
    const days = Number(value)
    if (!Number.isInteger(days) || days < 1) {
      throw BadOptionValue({ option: '--days', value, allowed: 'a whole number from 1' })
    }
    const advice = (await observedAdvice(flags, days))?.result ?? (await advise(flags, days))
    output.show(advice, () => show(advice, output))
    return advice.create.length + advice.drop.length === 0 ? 0 : 1
  },
}

async function advise(flags: Invocation['flags'], days: number): Promise<Advice> {
  const { app, root } = await loadProject(flags)
  const connected = await connect(app, root)
  try {
    const { database } = await connected.open()
    return await adviseIndexesOf(connected.target, database.system, days)
  } finally {
    await connected.close()
  }
}

/** Of an app that is observed, whose tables no migrations of ours have made. */
function observedAdvice(flags: Invocation['flags'], days: number): Promise<{ result: Advice } | undefined> {
  return withObserved(flags, async ({ name: app, db, databaseUrl: url }) => {
    if (url === undefined) throw ObservedDatabaseUnknown({ app })
    return adviseIndexes({ url, app, tables: 'copied', workload: await readWorkload(db, { days }) })
  })
}

function show({ create, drop, unplanned, queries }: Advice, output: Output): void {
  for (const { sql, helps, size, writes } of create) {
    output.line(output.paint('green', sql))
    for (const { text, calls, costBefore, costAfter } of helps) {
      const cost = `cost ${Math.round(costBefore)} -> ${Math.round(costAfter)}, ${calls} call(s)`
      output.line(`  ${cost}: ${oneLine(text)}`)
    }
    output.line(
      output.paint('grey', `  about ${megabytes(size)}; every write to the table, ${writes} so far, writes it too`),
    )
  }
  for (const { sql, why, of, size, needs = 0 } of drop) {
    const reason = {
      unused: 'nobody reads it',
      invalid: 'it was left half-built',
      duplicate: `${of} does the same`,
      bloated: `most of it is empty: about ${megabytes(needs)} would do`,
    }[why]
    output.line(output.paint('yellow', sql))
    output.line(output.paint('grey', `  ${reason}; ${megabytes(size)}`))
  }
  for (const { text, reason } of unplanned)
    output.line(output.paint('grey', `not planned: ${oneLine(text)}: ${reason}`))
  if (create.length + drop.length === 0) output.line(output.paint('green', `nothing to do for ${queries} queries`))
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}
