import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { connect } from '../../app/index.ts'
import { generateTypes, migrate, type Db, type Sql } from '../../database/index.ts'
import type { Command } from '../command.ts'
import { fromHere, loadProject } from '../project.ts'

export const types: Command = {
  options: { check: { type: 'boolean', about: 'write nothing; exit 1 if a file is out of date (for CI)' } },
  examples: ['tenfold types', 'tenfold types --check'],
  async run({ flags, output }) {
    const { app, root } = await loadProject(flags)
    const connected = await connect(app, root)
    try {
      if (connected.bindings.databaseEmbedded) await migrate(connected.target)
      const { database } = await connected.open()
      const changed: string[] = []
      for (const module of app.modules) {
        if (!module.migrations) continue
        const text = await generateTypes(ofModule(database.module(module.name)), module.name)
        const file = fileURLToPath(new URL('../tables.gen.ts', module.migrations))
        const before = await readFile(file, 'utf8').catch(() => undefined)
        if (text === undefined || text === before) continue
        changed.push(file)
        if (!flags.check) await writeFile(file, text)
      }
      output.show({ changed }, () => {
        for (const file of changed) {
          const state = flags.check ? output.paint('red', 'out of date') : output.paint('green', 'written')
          output.line(`${state} ${fromHere(pathToFileURL(file))}`)
        }
        if (flags.check && changed.length > 0) output.line('`tenfold types` writes them anew')
        if (changed.length === 0) output.line('all types are up to date')
      })
      return flags.check && changed.length > 0 ? 1 : 0
    } finally {
      await connected.close()
    }
  },
}

/** The catalogue as the module's own role sees it. */
function ofModule(db: Pick<Db<object>, 'sql'>): Sql {
  return {
    query: (text, values = []) => {
      const parts = text.split(/\$\d+/)
      return db.sql(Object.assign(parts, { raw: parts }) as unknown as TemplateStringsArray, ...values)
    },
  }
}
