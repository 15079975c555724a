import { relative } from 'node:path'
import { connect, openAppBackups, type OpenedBackups } from '../../app/index.ts'
import type { Manifest, Progress, Verdict } from '../../backup/index.ts'
import type { Command, Invocation } from '../command.ts'
import { MissingArgument } from '../errors.ts'
import type { Output } from '../output.ts'
import { loadProject } from '../project.ts'

export const backup: Command = {
  options: {
    dump: { type: 'boolean', about: 'a dump by pg_dump, although the whole server could be had' },
    'no-checks': { type: 'boolean', about: 'do not read the tables: verify then only proves that the backup starts' },
  },
  examples: ['tenfold backup', 'tenfold backup --dump', 'DATABASE_URL=postgres://… tenfold backup --json'],
  run: (invocation) =>
    withBackups(invocation, 'needed', async (backups) => {
      const { flags, output } = invocation
      const progress = showProgress(output)
      const made = await backups
        .take({
          checks: flags['no-checks'] !== true,
          onProgress: progress.on,
          ...(flags.dump && { kind: 'dump' as const }),
        })
        .finally(progress.end)
      output.show(made, () => {
        const written = made.tables?.filter(({ exact }) => !exact).length ?? 0
        output.line(`${output.paint('green', made.id)} ${wordsOf(made)}`)
        if (written > 0)
          output.line(output.paint('grey', `${written} table(s) were written to meanwhile: verify cannot compare them`))
        output.line(output.paint('grey', `not in it: ${made.without.join(', ')}`))
      })
      return 0
    }),
}

export const backupList: Command = {
  examples: ['tenfold backup list', 'tenfold backup list --json'],
  run: (invocation) =>
    withBackups(invocation, 'not needed', async (backups) => {
      const { output } = invocation
      const [all, status] = [await backups.list(), await backups.scheduled()]
      output.show({ backups: all.map(({ tables: _, sequences: __, ...one }) => one), ...status }, () => {
        if (all.length === 0) output.line('no backups; `tenfold backup` takes one')
        else {
          output.table(
            ['id', 'kind', 'taken', 'Postgres', 'tables', 'size'],
            all.map(({ id, kind, finishedAt, serverVersion, tables, size }) => {
              return [
                id,
                kind,
                finishedAt.slice(0, 19),
                serverVersion,
                tables ? String(tables.length) : '?',
                megabytes(size),
              ]
            }),
          )
        }
        if (status.log) output.line(`\nany moment up to ${status.log.at} can be restored`)
        if (status.missed) output.line(output.paint('red', '\nthere should be a newer one: the schedule was missed'))
        if (status.failed)
          output.line(output.paint('red', `\nthe last attempt failed, ${status.failed.at}: ${status.failed.message}`))
      })
      return 0
    }),
}

export const backupVerify: Command = {
  args: '<id>',
  maxArgs: 1,
  examples: ['tenfold backup verify latest', 'tenfold backup verify 20260504-030000-1f2e'],
  run: (invocation) => {
    const id = idOf(invocation, 'backup verify')
    return withBackups(invocation, 'good to have', (backups) => proveIt(backups, id, invocation.output))
  },
}

export const restore: Command = {
  args: '<id>',
  maxArgs: 1,
  options: {
    to: { type: 'string', value: '<place>', about: 'a folder such as .tenfold/postgres, or postgres://… for a dump' },
    until: {
      type: 'string',
      value: '<time>',
      about: 'a moment (ISO 8601), or latest (default: the end of the backup)',
    },
    force: { type: 'boolean', about: 'replace what is there; the old data of a folder is kept beside it' },
    'dry-run': { type: 'boolean', about: 'only say what would be restored and what replaced' },
    unpack: { type: 'boolean', about: 'only unpack the files, for a server of your own' },
    verify: { type: 'boolean', about: 'restore to nowhere, compare and throw away: the same as backup verify' },
  },
  examples: [
    'tenfold restore latest --to .tenfold/postgres --dry-run',
    'tenfold restore latest --to .tenfold/postgres --until 2026-05-04T13:37:00Z --force',
    'tenfold restore latest --verify',
  ],
  run: (invocation) => {
    const { flags, output } = invocation
    const id = idOf(invocation, 'restore')
    if (flags.verify) return withBackups(invocation, 'good to have', (backups) => proveIt(backups, id, output))
    const { to, until } = flags
    if (typeof to !== 'string') throw MissingArgument({ argument: 'where to: --to <place>', command: 'restore' })
    return withBackups(invocation, 'not needed', async (backups) => {
      const progress = showProgress(output)
      const restored = await backups
        .restore(id, {
          to,
          force: flags.force === true,
          dryRun: flags['dry-run'] === true,
          unpack: flags.unpack === true,
          onProgress: progress.on,
          ...(typeof until === 'string' && { until }),
        })
        .finally(progress.end)
      output.show(restored, () => {
        const { done, replaces, movedTo, lastSegment } = restored
        if (lastSegment) output.line(output.paint('grey', `with the log up to segment ${lastSegment}`))
        if (!done)
          output.line(
            `would restore ${restored.id} to ${restored.to}, ${replaces ? `and replace ${replaces}` : 'where nothing is yet'}`,
          )
        else output.line(`${output.paint('green', 'restored')} ${restored.id} to ${restored.to}`)
        if (movedTo)
          output.line(`what was there is now in ${relative(process.cwd(), movedTo)}; delete it when you are sure`)
      })
      return 0
    })
  },
}

async function proveIt(backups: OpenedBackups, id: string, output: Output): Promise<number> {
  const progress = showProgress(output)
  const verdict = await backups.verify(id, { onProgress: progress.on }).finally(progress.end)
  output.show(verdict, () => showVerdict(verdict, output))
  return verdict.ok ? 0 : 1
}

function showVerdict({ id, ok, compared, notCompared, rows, problems, live, ms }: Verdict, output: Output): void {
  for (const problem of problems) output.line(`${output.paint('red', 'differs')} ${problem}`)
  const what = `${compared} tables with their rows and checksums, ${rows} rows in all, ${(ms / 1000).toFixed(1)} s`
  output.line(
    ok ? `${output.paint('green', 'proven')} ${id}: ${what}` : `${problems.length} differences in ${id}: ${what}`,
  )
  if (notCompared.length > 0) output.line(`not compared, written to during the backup: ${notCompared.join(', ')}`)
  if (live)
    output.line(
      output.paint(
        'grey',
        `of the live database ${live.same} tables are still the same, ${live.changed.length} are not`,
      ),
    )
}

function idOf({ args }: Invocation, command: string): string {
  if (args[0] === undefined) throw MissingArgument({ argument: "the id of a backup, or 'latest'", command })
  return args[0]
}

/** Restoring must work when the database does not: only taking a backup needs it. */
async function withBackups(
  { flags }: Invocation,
  database: 'needed' | 'good to have' | 'not needed',
  fn: (backups: OpenedBackups) => Promise<number>,
): Promise<number> {
  const { app, config, root, version } = await loadProject(flags)
  const connecting = database === 'not needed' ? undefined : connect(app, root)
  const connected = await (database === 'needed' ? connecting : connecting?.catch(() => undefined))
  const url = connected?.bindings.databaseDirectUrl
  try {
    const backups = await openAppBackups({ app: app.name, version, root, config, ...(url !== undefined && { url }) })
    try {
      return await fn(backups)
    } finally {
      await backups.close()
    }
  } finally {
    await connected?.close()
  }
}

/** One line that is written over and over, on a terminal only. */
function showProgress(output: Output): { on: Progress; end: () => void } {
  const shown = !output.json && process.stderr.isTTY === true
  let at = 0
  return {
    on(step, done, of) {
      if (!shown || Date.now() - at < 100) return
      at = Date.now()
      const share = of ? ` ${Math.round((done / of) * 100)} %` : done > 0 ? ` ${megabytes(done)}` : ''
      process.stderr.write(`\r\x1b[K${step}${share}`)
    },
    end: () => void (shown && process.stderr.write('\r\x1b[K')),
  }
}

function wordsOf({ kind, size, rawSize, tables = [] }: Manifest): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  const what = kind === 'base' ? 'the whole server' : 'a dump'
  return `${what}, ${megabytes(size)} (${megabytes(rawSize)} before compression)${tables.length > 0 ? `, ${tables.length} tables with ${rows} rows` : ''}`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
