/** Ring 8: the command line. */
import { closest } from 'fastest-levenshtein'
import { messageOf, TenfoldError } from '../kernel/index.ts'
import { parse, type Command } from './command.ts'
import { commands } from './commands/index.ts'
import { UnknownCommand } from './errors.ts'
import { helpFor, helpOverview } from './help.ts'
import { createOutput, type Output, type Streams } from './output.ts'

/** Runs one command line; resolves to the exit code: 0 done, 1 failed or found something, 2 wrong usage. */
export async function main(argv: readonly string[], streams: Streams = process): Promise<number> {
  const json = argv.includes('--json')
  const colour = !argv.includes('--no-color') && !process.env.NO_COLOR
  const output = createOutput(streams, { json, colour })
  try {
    return await dispatch(argv, output)
  } catch (error) {
    report(error, output)
    return isUsage(error) ? 2 : 1
  }
}

async function dispatch(argv: readonly string[], output: Output): Promise<number> {
  const words = argv[0] === 'help' ? argv.slice(1) : argv
  const first = words.find((word) => !word.startsWith('-'))
  if (!first) return helpOverview(commands, output)
  const command = findCommand(words)
  if (argv[0] === 'help' || words.includes('--help') || words.includes('-h')) return helpFor(command, output)
  const rest = words.slice(command.name.split(' ').length)
  return command.run({ ...parse(command, rest), output })
}

/** The longest name that the words begin with: `jobs retry` before `jobs`. */
function findCommand(words: readonly string[]): Command {
  const [one = '', two = ''] = words
  const found =
    commands.find((command) => command.name === `${one} ${two}`) ?? commands.find((command) => command.name === one)
  if (found) return found
  const group = commands.filter((command) => command.name.startsWith(`${one} `))
  const asked = group.length > 0 && two && !two.startsWith('-') ? `${one} ${two}` : one
  if (group.length > 0 && asked === one) throw UnknownCommand({ command: one, nearest: group[0]!.name })
  throw UnknownCommand({
    command: asked,
    nearest: closest(
      asked,
      commands.map((command) => command.name),
    ),
  })
}

function report(error: unknown, output: Output): void {
  if (error instanceof TenfoldError) {
    if (output.json) return output.error(JSON.stringify(error.toJSON()))
    output.error(`${output.paint('red', error.code)}  ${error.message}\n${output.paint('green', 'fix:')} ${error.fix}`)
    return
  }
  const usage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')
  if (usage) return output.error(messageOf(error).split('. ')[0]!)
  output.error(
    process.env.TENFOLD_DEBUG
      ? String((error as Error).stack)
      : `${messageOf(error)}\n(TENFOLD_DEBUG=1 shows where it came from)`,
  )
}

function isUsage(error: unknown): boolean {
  const code = (error as { code?: string }).code ?? ''
  return code.startsWith('ERR_PARSE_ARGS') || /^TF_(UNKNOWN_|UNEXPECTED_|MISSING_ARGUMENT|BAD_OPTION)/.test(code)
}
