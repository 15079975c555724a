/** A command of the `tenfold` command line: data that help, parsing and suggestions are made from, and the code behind it,
 *  which is loaded only when it is needed. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { closest, distance } from 'fastest-levenshtein'
import { BadOptionValue, MissingArgument, UnexpectedArgument, UnknownOption } from './errors.ts'
import type { Output } from './output.ts'

export interface OptionSpec {
  type: 'boolean' | 'string'
  short?: string
  /** What stands for the value in help: `<file>`. */
  value?: string
  about: string
}

export interface Invocation {
  /** What is not an option, after the command's own words. */
  args: string[]
  flags: Record<string, string | boolean | undefined>
  output: Output
}

/** What the table of commands knows of one without loading it: enough for the overview and for suggestions. */
export interface CommandEntry {
  /** `migrate up`: one or two words. */
  name: string
  /** One line. */
  about: string
  load(): Promise<Command>
}

/** What a command does, and how it is called. */
export interface Command {
  /** What follows the name: `<module> <meaning>`. */
  args?: string
  /** How many arguments it takes at most. Defaults to 0. */
  maxArgs?: number
  options?: Record<string, OptionSpec>
  examples: readonly string[]
  /** Resolves to the exit code: 0 done, 1 failed or found something, 2 wrong usage. */
  run(invocation: Invocation): Promise<number>
}

/** Options that every command has. */
export const GLOBAL_OPTIONS: Record<string, OptionSpec> = {
  config: { type: 'string', value: '<file>', about: 'the project to work on (default: ./tenfold.config.ts)' },
  json: { type: 'boolean', about: 'print JSON, for other programs' },
  'no-color': { type: 'boolean', about: 'no colours (also NO_COLOR=1, and wherever the output is not a terminal)' },
  help: { type: 'boolean', short: 'h', about: 'explain this command' },
}

/** Reads what follows the command's name. Whatever does not fit is one of our own errors, never one of Node's. */
export function parse(name: string, command: Command, argv: readonly string[]): Pick<Invocation, 'args' | 'flags'> {
  const options = { ...command.options, ...GLOBAL_OPTIONS }
  const config: ParseArgsOptionsConfig = Object.fromEntries(
    Object.entries(options).map(([option, { type, short }]) => [option, { type, ...(short && { short }) }]),
  )
  const { tokens } = parseArgs({
    args: [...argv],
    options: config,
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  const flags: Invocation['flags'] = {}
  const args: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value)
    if (token.kind !== 'option') continue
    const option = options[token.name]
    if (!option)
      throw UnknownOption({
        option: token.rawName,
        command: name,
        nearest: nearestOption(token.rawName, options),
      })
    flags[token.name] = valueOf(name, option, token)
  }
  const most = command.maxArgs ?? 0
  if (args.length > most) throw UnexpectedArgument({ argument: args[most]!, command: name })
  return { args, flags }
}

interface OptionToken {
  rawName: string
  value?: string | undefined
  inlineValue?: boolean | undefined
}

function valueOf(
  command: string,
  { type }: OptionSpec,
  { rawName, value, inlineValue }: OptionToken,
): string | boolean {
  if (type === 'boolean') {
    if (value === undefined) return true
    throw BadOptionValue({ option: rawName, value, allowed: 'given without a value' })
  }
  const looksLikeOption = !inlineValue && value?.startsWith('-')
  if (value !== undefined && !looksLikeOption) return value
  throw MissingArgument({ argument: `a value after ${rawName}`, command })
}

/** What was meant, if that is likely: at least half of its letters are the same. */
export function nearestOption(option: string, options: Record<string, OptionSpec>): string | undefined {
  if (!option.startsWith('--')) return '-h'
  const word = option.slice(2)
  const nearest = closest(word, Object.keys(options))
  return distance(word, nearest) <= word.length / 2 ? `--${nearest}` : undefined
}
