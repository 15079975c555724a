/** A command of the `tenfold` command line: data that help, parsing and suggestions are made from. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { closest } from 'fastest-levenshtein'
import { UnknownOption, UnexpectedArgument } from './errors.ts'
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

export interface Command {
  /** `migrate up`: one or two words. */
  name: string
  /** One line. */
  about: string
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

export function parse(command: Command, argv: readonly string[]): Pick<Invocation, 'args' | 'flags'> {
  const options = { ...command.options, ...GLOBAL_OPTIONS }
  const config: ParseArgsOptionsConfig = Object.fromEntries(
    Object.entries(options).map(([name, { type, short }]) => [name, { type, ...(short && { short }) }]),
  )
  for (const arg of argv) {
    if (arg === '--') break
    const name = /^--([^=]+)/.exec(arg)?.[1]
    if (name && !(name in options))
      throw UnknownOption({
        option: `--${name}`,
        command: command.name,
        nearest: `--${closest(name, Object.keys(options))}`,
      })
  }
  const { values, positionals } = parseArgs({ args: [...argv], options: config, allowPositionals: true, strict: true })
  const most = command.maxArgs ?? 0
  if (positionals.length > most) throw UnexpectedArgument({ argument: positionals[most]!, command: command.name })
  return { args: positionals, flags: values as Invocation['flags'] }
}
