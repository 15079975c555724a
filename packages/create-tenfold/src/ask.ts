/** At most three questions, and none where nobody could answer. */
import { createInterface } from 'node:readline/promises'
import { nameProblem } from './name.ts'
import type { Options } from './options.ts'
import { STARTERS, type Starter } from './starters.ts'

export interface Answers {
  folder: string
  starter: Starter
  install: boolean
  start: boolean
}

const DEFAULTS: Answers = { folder: 'my-app', starter: STARTERS[0]!, install: true, start: false }

/** Fills in what the command line leaves open: by asking on a terminal, with defaults elsewhere. */
export async function complete(options: Options, terminal: boolean): Promise<Answers> {
  if (options.yes || !terminal) return { ...DEFAULTS, ...options }
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  // Ctrl-C and Ctrl-D mean the same here: never mind.
  const over = new AbortController()
  lines.once('SIGINT', () => over.abort())
  lines.once('close', () => over.abort())
  const ask = async (question: string): Promise<string> =>
    (await lines.question(question, { signal: over.signal })).trim()
  try {
    const folder = options.folder ?? (await askName(ask))
    const starter = options.starter ?? (await askStarter(ask))
    if (options.install !== undefined) return { ...DEFAULTS, ...options, folder, starter }
    const answer = await ask('Install its packages and start it? (Y/n) ')
    const both = !/^n/i.test(answer)
    return { folder, starter, install: both, start: both }
  } finally {
    lines.close()
  }
}

type Ask = (question: string) => Promise<string>

async function askName(ask: Ask): Promise<string> {
  for (;;) {
    const folder = (await ask(`Name of the app? (${DEFAULTS.folder}) `)) || DEFAULTS.folder
    const problem = nameProblem(folder)
    if (problem === undefined) return folder
    console.log(`  ${problem}`)
  }
}

async function askStarter(ask: Ask): Promise<Starter> {
  for (const [i, { name, about }] of STARTERS.entries()) console.log(`  ${i + 1} ${name.padEnd(8)} ${about}`)
  for (;;) {
    const answer = (await ask('Begin with? (1) ')) || '1'
    const starter = STARTERS[Number(answer) - 1] ?? STARTERS.find(({ name }) => name === answer)
    if (starter) return starter
    console.log(`  1 to ${STARTERS.length}, or a name`)
  }
}
