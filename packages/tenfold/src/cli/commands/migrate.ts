import { readdir, mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { connect } from '../../app/index.ts'
import { migrate, migrationStatus, refuseDamage, type BackfillProgress } from '../../database/index.ts'
import { refusals } from '../../database/safety/index.ts'
import type { Command } from '../command.ts'
import { BadOptionValue, MissingArgument } from '../errors.ts'
import { judgeMigrations, refuseDangerous, reportOf, showFindings } from '../gates.ts'
import { fromHere, loadProject } from '../project.ts'

export const migrateUp: Command = {
  options: {
    'dry-run': { type: 'boolean', about: 'only say what would be applied' },
    unsafe: { type: 'string', value: '<reason>', about: 'apply without judging first, and say why' },
  },
  examples: [
    'tenfold migrate up',
    'tenfold migrate up --dry-run',
    "tenfold migrate up --unsafe 'nobody works at night'",
    'DATABASE_URL=postgres://… tenfold migrate up',
  ],
  async run({ flags, output }) {
    const { app, root } = await loadProject(flags)
    const connected = await connect(app, root)
    try {
      if (flags['dry-run']) {
        const { migrations } = await migrationStatus(connected.target)
        refuseDamage(migrations)
        const pending = migrations
          .filter((one) => one.state === 'pending')
          .map(({ module, name }) => `${module}/${name}`)
        output.show({ pending }, () =>
          output.line(pending.length ? `would apply:\n  ${pending.join('\n  ')}` : 'nothing to apply'),
        )
        return 0
      }
      if (flags.unsafe === undefined) {
        const judged = await judgeMigrations(connected.target, 'pending of modules in use')
        // Programs get one object: what was applied, or why nothing was.
        if (refusals(judged.findings).length > 0) output.show(reportOf(judged), () => showFindings(judged, output))
        else if (!output.json) showFindings(judged, output)
        refuseDangerous(judged)
      } else if (!output.json) {
        output.line(output.paint('yellow', `not judged: ${flags.unsafe}`))
      }
      const onProgress = ({ module, name, ms }: { module: string; name: string; ms: number }): void => {
        if (!output.json)
          output.line(`${output.paint('green', 'applied')} ${module}/${name} ${output.paint('grey', `${ms} ms`)}`)
      }
      const onBatch = ({ module, name, changed, share }: BackfillProgress): void => {
        const part = share === undefined ? '' : `, ${Math.round(share * 100)} %`
        if (!output.json) output.line(output.paint('grey', `${module}/${name}: ${changed} rows changed${part}`))
      }
      const { applied, roleMode } = await migrate({ ...connected.target, onProgress, onBatch })
      output.show({ applied, roleMode }, () => {
        output.line(applied.length ? `${applied.length} applied` : 'nothing to apply')
        if (roleMode === 'shared')
          output.line(
            output.paint(
              'yellow',
              'This database user may not create roles: module boundaries are not enforced in the database.',
            ),
          )
      })
      return 0
    } finally {
      await connected.close()
    }
  },
}

export const migrateCheck: Command = {
  options: { all: { type: 'boolean', about: 'also those that the database has already' } },
  examples: [
    'tenfold migrate check',
    'tenfold migrate check --all --json',
    'DATABASE_URL=postgres://… tenfold migrate check',
  ],
  async run({ flags, output }) {
    const { app, root } = await loadProject(flags)
    const connected = await connect(app, root)
    try {
      const judged = await judgeMigrations(connected.target, flags.all ? 'all' : 'pending')
      const refused = refusals(judged.findings).length
      output.show(reportOf(judged), () => {
        showFindings(judged, output)
        const what = `${judged.files} file(s) judged, ${judged.statements} recorded statement(s) tried`
        output.line(refused === 0 ? output.paint('green', `safe: ${what}`) : `${refused} refused: ${what}`)
      })
      return refused === 0 ? 0 : 1
    } finally {
      await connected.close()
    }
  },
}

export const migrateStatus: Command = {
  examples: ['tenfold migrate status', 'tenfold migrate status --json'],
  async run({ flags, output }) {
    const { app, root } = await loadProject(flags)
    const connected = await connect(app, root)
    try {
      const { migrations } = await migrationStatus(connected.target)
      const colour = { applied: 'green', pending: 'yellow', changed: 'red', missing: 'red' } as const
      output.show(migrations, () =>
        output.table(
          ['module', 'migration', 'phase', 'state'],
          migrations.map(({ module, name, phase, state }) => [module, name, phase, output.paint(colour[state], state)]),
        ),
      )
      return migrations.every((one) => one.state === 'applied') ? 0 : 1
    } finally {
      await connected.close()
    }
  },
}

export const migrateNew: Command = {
  args: '<module> <meaning>',
  maxArgs: 2,
  examples: ['tenfold migrate new orders add_paid_at'],
  async run({ args, flags, output }) {
    const [name, meaning] = args
    if (!name || !meaning)
      throw MissingArgument({ argument: 'a module and what the migration does', command: 'migrate new' })
    const { app } = await loadProject(flags)
    const module = app.modules.find((one) => one.name === name)
    if (!module?.migrations) {
      const known = app.modules.filter((one) => one.migrations).map((one) => one.name)
      throw BadOptionValue({ option: '<module>', value: name, allowed: `one of ${known.join(', ')}` })
    }
    const slug = meaning
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '_')
      .replace(/^_+|_+$/g, '')
    if (!slug)
      throw BadOptionValue({ option: '<meaning>', value: meaning, allowed: 'a few words, such as add_paid_at' })
    const folder = fileURLToPath(module.migrations)
    await mkdir(folder, { recursive: true })
    const numbers = (await readdir(folder)).map((file) => Number.parseInt(file, 10)).filter(Number.isFinite)
    const file = `${folder}/${String(Math.max(0, ...numbers) + 1).padStart(4, '0')}_${slug}.sql`.replace('//', '/')
    await writeFile(file, TEMPLATE, { flag: 'wx' })
    output.show({ file }, () => output.line(fromHere(pathToFileURL(file))))
    return 0
  },
}

const TEMPLATE = `--! phase: expand
-- expand: the code that runs now and the new code both work with it. contract: only the new code does.
`
