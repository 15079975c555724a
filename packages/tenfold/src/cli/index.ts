/** Ring 8: the command line. */
import { closest } from 'fastest-levenshtein'
import { messageOf, TenfoldError } from '../kernel/index.ts'
import manifest from '../../package.json' with { type: 'json' }
import { GLOBAL_OPTIONS, nearestOption, parse, type CommandEntry } from './command.ts'
import { commands } from './commands/index.ts'
import { inWords } from './unwritable.ts'
import { UnknownCommand, UnknownOption } from './errors.ts'
import { helpFor, helpForGroup, helpOverview } from './help.ts'
import { createOutput, type Output, type Streams } from './output.ts'

export { commands } from './commands/index.ts'
export { GLOBAL_OPTIONS, type Command, type CommandEntry, type OptionSpec } from './command.ts'

/** Runs one command line; resolves to the exit code: 0 done, 1 failed or found something, 2 wrong usage. */
export async function main(argv: readonly string[], streams: Streams = process): Promise<number> {
  const json = argv.includes('--json')
  const colour = !argv.includes('--no-color') && !process.env.NO_COLOR
  const output = createOutput(streams, { json, colour })
  try {
    return await dispatch(commandFirst(argv), output)
  } catch (error) {
    report(error, output)
    return isUsage(error) ? 2 : 1
  }
}

/** `--config app/tenfold.config.ts routes` means the same as with the option at the end. */
function commandFirst(argv: readonly string[]): string[] {
  const words = [...argv]
  const moved: string[] = []
  while (words[0]?.startsWith('--') && words[0] !== '--') {
    const option = GLOBAL_OPTIONS[words[0].slice(2).split('=')[0]!]
    if (!option) break
    const takesNext = option.type === 'string' && !words[0].includes('=')
    moved.push(...words.splice(0, takesNext ? 2 : 1))
  }
  return [...words, ...moved]
}

async function dispatch(argv: readonly string[], output: Output): Promise<number> {
  const asksHelp = argv[0] === 'help'
  const words = asksHelp ? argv.slice(1) : argv
  const [first = '', second = ''] = words
  if (['--version', '-v', 'version'].includes(first)) return version(output)
  if (first === '' || isGlobal(first)) return helpOverview(commands, output)
  if (first.startsWith('-')) {
    const nearest = nearestOption(first, { ...GLOBAL_OPTIONS, version: { type: 'boolean', about: '' } })
    throw UnknownOption({ option: first, command: '', nearest })
  }
  const helpWanted = asksHelp || words.includes('--help') || words.includes('-h')
  const group = commands.filter(({ name }) => name.startsWith(`${first} `))
  const alone = commands.find(({ name }) => name === first)
  if (group.length > 0 && !alone && (second === '' || second.startsWith('-'))) {
    helpForGroup(first, group, output)
    return helpWanted ? 0 : 2
  }
  const inGroup = group.some(({ name }) => name === `${first} ${second}`)
  const command = alone && !inGroup ? alone : findCommand(first, second, group)
  const loaded = await command.load()
  if (helpWanted) return helpFor(command, loaded, output)
  return loaded.run({ ...parse(command.name, loaded, words.slice(command.name.split(' ').length)), output })
}

function isGlobal(word: string): boolean {
  return Object.entries(GLOBAL_OPTIONS).some(([name, { short }]) => word === `--${name}` || word === `-${short}`)
}

function version(output: Output): number {
  output.show({ version: manifest.version, node: process.versions.node }, () => output.line(manifest.version))
  return 0
}

function findCommand(first: string, second: string, group: readonly CommandEntry[]): CommandEntry {
  const asked = group.length > 0 ? `${first} ${second}` : first
  const found = commands.find(({ name }) => name === asked)
  if (found) return found
  const among = group.length > 0 ? group : commands
  const nearest = closest(
    asked,
    among.map(({ name }) => name),
  )
  throw UnknownCommand({ command: asked, nearest })
}

function report(thrown: unknown, output: Output): void {
  const error = inWords(thrown)
  if (error instanceof TenfoldError) {
    const { code, message, fix, details } = error
    if (output.json) return output.error(JSON.stringify({ code, message, fix, details }))
    output.error(`${output.paint('red', code)}  ${message}\n${output.paint('green', 'fix:')} ${fix}`)
    if (process.env.TENFOLD_DEBUG) output.error(String((error.cause as Error | undefined)?.stack ?? error.stack))
    return
  }
  if (output.json) return output.error(JSON.stringify({ message: messageOf(error) }))
  output.error(
    process.env.TENFOLD_DEBUG
      ? String((error as Error | undefined)?.stack ?? error)
      : `${messageOf(error)}\n(TENFOLD_DEBUG=1 shows where it came from)`,
  )
}

function isUsage(error: unknown): boolean {
  return error instanceof TenfoldError && /^TF_(UNKNOWN_|UNEXPECTED_|MISSING_ARGUMENT|BAD_OPTION)/.test(error.code)
}
