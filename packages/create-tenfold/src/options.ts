import { parseArgs } from 'node:util'
import { Refusal } from './refusal.ts'
import { STARTERS, type Starter } from './starters.ts'

export interface Options {
  /** The folder, whose last part is the app's name. */
  folder?: string
  starter?: Starter
  /** Whether to install the packages. */
  install?: boolean
  /** Whether to start the app when it is there. */
  start?: boolean
  git: boolean
  /** Ask nothing. */
  yes: boolean
  /** What to install as tenfold: a version, a tag, or the path of a tarball. Undefined: the version this was released with. */
  tenfold?: string
  help: boolean
  version: boolean
}

export const HELP = `npm create tenfold@latest [folder] [-- options]

  --starter <name>    ${STARTERS.map(({ name, about }) => `${name.padEnd(8)}${about}`).join('\n                      ')}
  --yes, -y           ask nothing: my-app, minimal, installed
  --start             start the app when it is there
  --no-install        write the files, install nothing
  --no-git            no git repository
  --tenfold <spec>    another version of tenfold, or the path of a tarball
  --help, -h          this
  --version, -v       the version of create-tenfold

npm create tenfold@latest my-app
npm create tenfold@latest my-app -- --starter api --yes
`

/** Reads the command line; throws a Refusal that says what does not fit. */
export function readOptions(argv: readonly string[]): Options {
  const { values, positionals } = parse(argv)
  if (positionals.length > 1)
    throw new Refusal(
      `'${positionals[1]}' is one argument too many.`,
      `Give one folder; names have no spaces: ${positionals.join('-')}`,
      { usage: true },
    )
  return {
    ...(positionals[0] !== undefined && { folder: positionals[0] }),
    ...(values.starter !== undefined && { starter: starterNamed(values.starter) }),
    ...(values['no-install'] ? { install: false } : values.start && { install: true }),
    ...(values.start && { start: true }),
    ...(values.tenfold !== undefined && { tenfold: values.tenfold }),
    git: !values['no-git'],
    yes: values.yes,
    help: values.help,
    version: values.version,
  }
}

export function starterNamed(name: string): Starter {
  const found = STARTERS.find((starter) => starter.name === name)
  if (found) return found
  throw new Refusal(`There is no starter '${name}'.`, `Take one of ${STARTERS.map((one) => one.name).join(', ')}.`, {
    usage: true,
  })
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        starter: { type: 'string' },
        yes: { type: 'boolean', short: 'y', default: false },
        start: { type: 'boolean', default: false },
        'no-install': { type: 'boolean', default: false },
        'no-git': { type: 'boolean', default: false },
        tenfold: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', short: 'v', default: false },
      },
    })
  } catch (error) {
    // The first sentence names the option; the rest is advice for programmers.
    const [reason] = (error as Error).message.split('. ')
    throw new Refusal(`${reason}.`, 'Run `npm create tenfold@latest -- --help` for the options.', { usage: true })
  }
}
