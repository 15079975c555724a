import { fileURLToPath } from 'node:url'
import { commandOf, packRelease, releaseSteps, rollbackSteps, runStep, type Step } from '../../deploy/index.ts'
import type { Command } from '../command.ts'
import { BadOptionValue, MissingArgument } from '../errors.ts'
import { loadProject } from '../project.ts'

export const deployVm: Command = {
  args: '<user@host>',
  maxArgs: 1,
  options: {
    rollback: { type: 'boolean', about: 'go back to the release that ran before' },
    'dry-run': { type: 'boolean', about: 'only print what would be run there' },
    patience: { type: 'string', value: '<seconds>', about: 'how long a release may take to get ready (default: 60)' },
    keep: { type: 'string', value: '<n>', about: 'how many releases stay (default: 5)' },
    ssh: { type: 'string', value: '<options>', about: 'more options for ssh: --ssh="-p 2222"' },
    base: { type: 'string', value: '<folder>', about: 'where releases lie (default: /srv/<app>)' },
    environment: { type: 'string', value: '<file>', about: 'the variables of the service (default: /etc/<app>/env)' },
    install: {
      type: 'string',
      value: '<command>',
      about: 'installs the packages of a release (default: npm ci --omit=dev)',
    },
  },
  examples: [
    'tenfold deploy vm deploy@shop.example.com --dry-run',
    'tenfold deploy vm deploy@shop.example.com',
    'tenfold deploy vm deploy@shop.example.com --rollback',
  ],
  async run({ args, flags, output }) {
    const [host] = args
    if (host === undefined) throw MissingArgument({ argument: 'a machine', command: 'deploy vm' })
    const { app, root } = await loadProject(flags)
    const name = app.name.replaceAll('_', '-')
    const text = (flag: string | boolean | undefined, standard: string): string =>
      typeof flag === 'string' ? flag : standard
    const options = {
      name,
      keep: countOf('--keep', flags.keep ?? '5', 100),
      patience: countOf('--patience', flags.patience ?? '60', 3600),
      base: text(flags.base, `/srv/${name}`),
      environment: text(flags.environment, `/etc/${name}/env`),
      install: text(flags.install, 'npm ci --omit=dev --no-audit --no-fund'),
    }
    const release = flags.rollback === true ? undefined : await packRelease(fileURLToPath(root))
    const steps = release ? releaseSteps({ ...options, id: release.id }) : rollbackSteps(options)
    const remote = { host, options: text(flags.ssh, '').split(' ').filter(Boolean) }
    const tell = ({ about }: Step): void => output.line(output.paint('bold', about))
    if (flags['dry-run'] === true) {
      for (const step of steps) {
        tell(step)
        output.line(`${commandOf(remote, step)}\n`)
      }
      return 0
    }
    for (const step of steps) {
      if (!output.json) tell(step)
      const onText = (said: string): void => {
        if (!output.json) output.line(said.trimEnd())
      }
      await runStep(remote, step, { onText, ...(release && { release: release.archive }) })
    }
    output.show({ host, release: release?.id, steps: steps.map(({ about }) => about) }, () => output.line('done'))
    return 0
  },
}

function countOf(option: string, value: string | boolean, most: number): number {
  const count = Number(value)
  if (Number.isInteger(count) && count >= 1 && count <= most) return count
  throw BadOptionValue({ option, value: String(value), allowed: `a number from 1 to ${most}` })
}
