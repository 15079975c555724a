import type { Command } from '../command.ts'
import { loadProject } from '../project.ts'

export const routes: Command = {
  examples: ['tenfold routes', 'tenfold routes --json'],
  async run({ flags, output }) {
    const { app } = await loadProject(flags)
    const list = app.modules.flatMap((module) =>
      module.parts
        .filter((part) => part.kind === 'route')
        .map(({ path, options }) => {
          const [method, url] = path.split(' ') as [string, string]
          const { auth, limit, summary = '' } = options
          const limits = [limit ?? []].flat().map(({ by, max, per }) => `${max} per ${per} by ${by}`)
          return {
            method,
            path: url,
            module: module.name,
            auth: typeof auth === 'string' ? auth : `role ${[auth.role].flat().join(' or ')}`,
            limits,
            summary,
          }
        }),
    )
    output.show(list, () =>
      output.table(
        ['method', 'path', 'module', 'auth', 'limit', 'summary'],
        list.map((r) => [r.method, r.path, r.module, r.auth, r.limits.join(', '), output.paint('grey', r.summary)]),
      ),
    )
    return 0
  },
}
