import { GLOBAL_OPTIONS, type Command, type OptionSpec } from './command.ts'
import type { Output } from './output.ts'

export function helpOverview(commands: readonly Command[], output: Output): number {
  output.show(
    commands.map(({ name, about }) => ({ name, about })),
    () => {
      output.line(`${output.paint('bold', 'tenfold')}: one codebase, from the first VM to ten million users\n`)
      output.line('usage: tenfold <command> [options]\n')
      const width = Math.max(...commands.map(({ name }) => name.length))
      for (const { name, about } of commands) output.line(`  ${output.paint('cyan', name.padEnd(width))}  ${about}`)
      output.line('\n`tenfold help <command>` explains one, with examples.')
    },
  )
  return 0
}

export function helpFor(command: Command, output: Output): number {
  const { name, about, args, options = {}, examples } = command
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

function printOptions(title: string, options: Record<string, OptionSpec>, output: Output): void {
  output.line(title)
  const left = Object.entries(options).map(
    ([name, { short, value }]) => `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`,
  )
  const width = Math.max(...left.map((text) => text.length))
  Object.values(options).forEach(({ about }, i) => output.line(`  ${left[i]!.padEnd(width)}  ${about}`))
}
