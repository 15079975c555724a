import { GLOBAL_OPTIONS, type Command, type CommandEntry, type OptionSpec } from './command.ts'
import type { Output } from './output.ts'

export function helpOverview(commands: readonly CommandEntry[], output: Output): number {
  output.show(
    commands.map(({ name, about }) => ({ name, about })),
    () => {
      output.line(`${output.paint('bold', 'tenfold')}: one codebase, from the first VM to ten million users\n`)
      output.line('usage: tenfold <command> [options]\n')
      list(commands, output)
      output.line('\nexamples:')
      for (const { name } of commands.slice(0, 3)) output.line(`  ${output.paint('cyan', `tenfold ${name}`)}`)
      output.line('\n`tenfold help <command>` explains one, with examples; `tenfold --version` says which this is.')
    },
  )
  return 0
}

/** The commands that share a first word: `tenfold migrate`. */
export function helpForGroup(group: string, commands: readonly CommandEntry[], output: Output): void {
  output.show(
    commands.map(({ name, about }) => ({ name, about })),
    () => {
      output.line(`usage: tenfold ${group} <command> [options]\n`)
      list(commands, output)
      output.line(`\n\`tenfold help ${commands[0]!.name}\` explains one, with examples.`)
    },
  )
}

export function helpFor({ name, about }: CommandEntry, command: Command, output: Output): number {
  const { args, options = {}, examples } = command
  output.show({ name, about, args, options, examples }, () => {
    output.line(`${output.paint('bold', `tenfold ${name}`)}: ${about}\n`)
    output.line(`usage: tenfold ${name}${args ? ` ${args}` : ''} [options]`)
    if (Object.keys(options).length > 0) printOptions('\noptions:', options, output)
    printOptions('\neverywhere:', GLOBAL_OPTIONS, output)
    output.line('\nexamples:')
    for (const example of examples) output.line(`  ${output.paint('cyan', example)}`)
  })
  return 0
}

function list(commands: readonly CommandEntry[], output: Output): void {
  const width = Math.max(...commands.map(({ name }) => name.length))
  for (const { name, about } of commands) output.line(`  ${output.paint('cyan', name.padEnd(width))}  ${about}`)
}

function printOptions(title: string, options: Record<string, OptionSpec>, output: Output): void {
  output.line(title)
  const left = Object.entries(options).map(
    ([name, { short, value }]) => `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`,
  )
  const width = Math.max(...left.map((text) => text.length))
  Object.values(options).forEach(({ about }, i) => output.line(`  ${left[i]!.padEnd(width)}  ${about}`))
}
