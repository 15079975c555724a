import { fileURLToPath } from 'node:url'
import { reloadRunning } from '../../supervisor/index.ts'
import type { Command } from '../command.ts'
import { projectRoot } from '../project.ts'

export const reload: Command = {
  examples: ['tenfold reload', 'tenfold reload --json'],
  async run({ flags, output }) {
    const reloaded = await reloadRunning(fileURLToPath(new URL('.tenfold', projectRoot(flags))))
    const processes = reloaded.flatMap((one) => one.processes)
    output.show({ processes }, () => {
      output.table(
        ['process', 'pid'],
        processes.map(({ name, pid }) => [name, String(pid ?? '-')]),
      )
    })
    return 0
  },
}
