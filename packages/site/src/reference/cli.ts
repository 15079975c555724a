/** The reference of the command line, from the table that the command line itself is made from. */
import {
  commands,
  GLOBAL_OPTIONS,
  type Command,
  type CommandEntry,
  type OptionSpec,
} from '../../../tenfold/src/cli/index.ts'

export async function cliReference(): Promise<string> {
  const loaded = await Promise.all(commands.map(async (entry) => ({ ...entry, ...(await entry.load()) })))
  const groups = Map.groupBy(loaded, ({ name }) => name.split(' ')[0]!)
  return [
    '# Command line',
    'Made from the table of commands that `tenfold` itself reads. The [guide](../guide/cli.md) says what they are for.',
    '## Everywhere',
    optionTable(GLOBAL_OPTIONS),
    ...[...groups].flatMap(([group, members]) => [`## tenfold ${group}`, ...members.map(describe)]),
  ].join('\n\n')
}

function describe({ name, about, args, options = {}, examples }: CommandEntry & Command): string {
  const usage = `tenfold ${name}${args ? ` ${args}` : ''}${Object.keys(options).length > 0 ? ' [options]' : ''}`
  return [
    ...(name.includes(' ') ? [`### tenfold ${name}`] : []),
    `${about[0]!.toUpperCase()}${about.slice(1)}.`,
    fence(usage),
    ...(Object.keys(options).length > 0 ? [optionTable(options)] : []),
    'Examples:',
    fence(examples.join('\n')),
  ].join('\n\n')
}

function optionTable(options: Record<string, OptionSpec>): string {
  const rows = Object.entries(options).map(([name, { short, value, about }]) => {
    const left = `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`
    return `| \`${left}\` | ${about.replaceAll('|', '\\|').replaceAll('<', '\\<')} |`
  })
  return ['| option | |', '| --- | --- |', ...rows].join('\n')
}

function fence(text: string): string {
  return `\`\`\`sh\n${text}\n\`\`\``
}
