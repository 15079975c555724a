import { readFile } from 'node:fs/promises'
import { connect, gather } from '../../app/index.ts'
import { advise as judge, adviseLive, viewOf, type AdviceView, type Verdict } from '../../advisor/index.ts'
import { EVIDENCE_SCHEMA, NotEvidence, readEvidence, type Evidence } from '../../evidence/index.ts'
import { createInspector } from '../../inspect/index.ts'
import { messageOf } from '../../kernel/index.ts'
import type { Command, Invocation } from '../command.ts'
import { BadOptionValue } from '../errors.ts'
import { withObserved } from '../observed.ts'
import type { Output } from '../output.ts'
import { loadProject } from '../project.ts'

type Flags = Invocation['flags']

const MINUTES = {
  minutes: { type: 'string', value: '<n>', about: 'how far to look back, at most 60 (default: 10)' },
} as const

export const evidence: Command = {
  options: { ...MINUTES, schema: { type: 'boolean', about: 'print the JSON schema of it instead' } },
  examples: ['tenfold evidence > evidence.json', 'tenfold evidence --minutes 60', 'tenfold evidence --schema'],
  async run({ flags, output }) {
    const value = flags.schema ? EVIDENCE_SCHEMA : await withEvidence(flags, async (found) => found)
    output.line(JSON.stringify(value, null, 2))
    return 0
  },
}

export const advise: Command = {
  args: '<file>',
  maxArgs: 1,
  options: MINUTES,
  examples: ['tenfold advise', 'tenfold advise evidence.json', 'tenfold advise --minutes 60 --json'],
  async run({ args: [file], flags, output }) {
    const verdict =
      file === undefined
        ? await withEvidence(flags, (found, db) => adviseLive(db, found))
        : judge(readEvidence(await textOf(file), file))
    const view = viewOf(verdict)
    output.show(view, () => show(view, output))
    return verdict.next.kind === 'step' ? 1 : 0
  },
}

type Platform = Parameters<typeof adviseLive>[0]

/** Gathers from the database of the project, whether the app runs here or elsewhere. */
export async function withEvidence<T>(flags: Flags, use: (found: Evidence, db: Platform) => Promise<T>): Promise<T> {
  const minutes = minutesOf(flags)
  const observed = await withObserved(flags, async ({ db, gather: gathered }) => use(await gathered(minutes), db))
  if (observed) return observed.result
  const { app, root, version } = await loadProject(flags)
  const connected = await connect(app, root)
  try {
    const { database } = await connected.open()
    const inspector = createInspector({
      app: app.name,
      version,
      env: 'production',
      startedAt: 0,
      stage: () => ({ number: 1, name: '' }),
      bindings: () => [],
      db: database.system,
    })
    const modules = app.modules.map(({ name }) => name)
    return await use(await gather({ app: app.name, modules, database, inspector, minutes }), database.system)
  } finally {
    await connected.close()
  }
}

function minutesOf(flags: Flags): number {
  const value = String(flags.minutes ?? 10)
  const minutes = Number(value)
  if (!(minutes > 0 && minutes <= 60))
    throw BadOptionValue({ option: '--minutes', value, allowed: 'a number above 0, at most 60' })
  return minutes
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw NotEvidence({ file, reason: messageOf(error) })
  }
}

const COLOURS = { healthy: 'green', harmed: 'red', 'near a limit': 'yellow', unknown: 'grey' } as const

function show({ verdict, headline, next, findings, fine, outcomes, regressions }: AdviceView, output: Output): void {
  const { stage, state, headroom } = verdict
  output.line(`${output.paint(COLOURS[state], state)}  ${headline}`)
  output.line(output.paint('grey', `stage ${stage.number}, ${stage.name}`))
  for (const outcome of outcomes) output.line(`earlier advice: ${outcome}`)
  for (const regression of regressions) output.line(`${output.paint('yellow', 'slower')}  ${regression}`)
  const named = findings.find(({ code }) => code === verdict.bottleneck?.code)
  if (named) showNamed(named, verdict, output)
  else output.line(`\n${output.paint('bold', 'next')}  ${next}`)
  const others = findings.filter((one) => one !== named)
  if (others.length > 0) output.line(`\n${output.paint('bold', 'also seen')}`)
  for (const { words } of others) output.line(`  ${words.title}`)
  if (headroom.limits.length > 0) output.line(`\n${output.paint('bold', 'room')}`)
  for (const { resource, used, times } of headroom.limits)
    output.line(
      `  ${resource.padEnd(16)} ${`${Math.round(used * 100)} %`.padStart(5)} used, ${times.toFixed(1)} times this load`,
    )
  if (fine.length > 0) output.line(output.paint('grey', `\nchecked and fine: ${fine.join('; ')}`))
}

function showNamed(
  { words, proofs, against, confidence }: AdviceView['findings'][number],
  { next }: Verdict,
  output: Output,
): void {
  output.line(`\n${words.claim}`)
  for (const { signal, value, threshold } of proofs)
    output.line(`  ${output.paint('cyan', 'for')}      ${signal}: ${short(value)} (counts from ${short(threshold)})`)
  for (const { check, value, passed } of against)
    output.line(
      `  ${passed ? output.paint('grey', 'against') : output.paint('yellow', 'against')}  ${check}: ${passed ? 'no' : 'perhaps'}, ${value}`,
    )
  output.line(`  confidence ${confidence}`)
  if (next.kind !== 'step') return output.line(`\n${output.paint('bold', 'next')}  ${words.step.title}`)
  const { title, text, cost, risk, wayBack, check } = words.step
  output.line(`\n${output.paint('bold', 'next step')}  ${output.paint('green', title)}`)
  output.line(text.replaceAll(/^/gm, '    '))
  for (const [name, value] of [
    ['expected', words.expected],
    ['cost', cost],
    ['risk', risk],
    ['way back', wayBack],
    ['check', check],
  ])
    output.line(`  ${output.paint('grey', name!.padEnd(8))}  ${value}`)
}

function short(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US')
}
