import { glob } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { closest } from 'fastest-levenshtein'
import { installPeers } from './peers.ts'
import { type Claims, type ClaimsOptions, describeMachine, type FullReport, holds, renderReport } from './report.ts'

export interface Runner {
  /** The command as people type it: `npm run bench --`. */
  command: string
  /** The folder that holds one folder for each name. */
  folder: string
  argv: readonly string[]
  out?: (text: string) => void
  err?: (text: string) => void
  signal?: AbortSignal
}

/** Runs the named benchmark or proof.
 *  The exit code: 0 if all claims hold, 1 if one does not or the run broke, 2 if the command line is wrong. */
export async function runClaims(runner: Runner): Promise<0 | 1 | 2> {
  const out = runner.out ?? ((text: string) => void process.stdout.write(`${text}\n`))
  const err = runner.err ?? ((text: string) => void process.stderr.write(`${text}\n`))
  const names = await namesIn(runner.folder)
  const [name, ...rest] = runner.argv
  if (name === undefined || name === '--help' || name === '-h') {
    out(await help(runner, names))
    return name === undefined ? 2 : 0
  }
  if (!names.includes(name)) {
    const nearest = names.length > 0 ? ` Did you mean '${closest(name, names)}'?` : ''
    err(`There is no '${name}'.${nearest}\nList them: ${runner.command} --help`)
    return 2
  }
  const claims = await load(runner.folder, name)
  if (rest.includes('--help') || rest.includes('-h')) {
    out(describe(claims))
    return 0
  }
  const options = parse(rest, claims)
  if (typeof options === 'string') {
    err(`${options}\nSee: ${runner.command} ${name} --help`)
    return 2
  }
  const report = await measure(runner, claims, options, err).catch((error: unknown) => {
    err(`${name} broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  })
  if (!report) return 1
  out(options.json ? JSON.stringify(report) : renderReport(report))
  return holds(report) ? 0 : 1
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = []
  for await (const file of glob('*/index.ts', { cwd: folder })) names.push(dirname(file))
  return names.sort()
}

async function load(folder: string, name: string): Promise<Claims> {
  const module = (await import(pathToFileURL(join(folder, name, 'index.ts')).href)) as { default?: Claims }
  const claims = module.default
  if (typeof claims?.run !== 'function' || claims.name !== name || !claims.about) {
    throw new Error(`${join(folder, name, 'index.ts')} has to export default { name: '${name}', about, run }`)
  }
  return claims
}

async function help(runner: Runner, names: readonly string[]): Promise<string> {
  const all = await Promise.all(names.map((name) => load(runner.folder, name)))
  const width = Math.max(4, ...names.map((name) => name.length))
  return [
    `${runner.command} NAME [--json] [--quick]`,
    '',
    ...all.map((claims) => `  ${claims.name.padEnd(width)}  ${claims.about}`),
    '',
    'Exit status: 0 if all claims hold.',
  ].join('\n')
}

function describe(claims: Claims): string {
  const options = {
    json: 'one JSON object on stdout',
    quick: 'a short run; do not quote its numbers',
    ...claims.options,
  }
  const width = Math.max(...Object.keys(options).map((name) => name.length))
  return [
    `${claims.name}: ${claims.about}`,
    '',
    ...Object.entries(options).map(([name, about]) => `  --${name.padEnd(width)}  ${about}`),
  ].join('\n')
}

interface Given {
  json: boolean
  quick: boolean
  set: Record<string, string>
}

/** The options, or the sentence that says what is wrong with them. */
function parse(args: readonly string[], claims: Claims): Given | string {
  const given: Given = { json: false, quick: false, set: {} }
  const known = ['json', 'quick', ...Object.keys(claims.options ?? {})]
  const left = [...args]
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    const [name = '', inline] = arg.replace(/^--/, '').split(/=(.*)/s)
    if (!arg.startsWith('--') || !known.includes(name))
      return `'${arg}' is unknown. Did you mean --${closest(name, known)}?`
    if (name === 'json' || name === 'quick') given[name] = true
    else {
      const value = inline ?? left.shift()
      if (value === undefined) return `--${name} needs a value.`
      given.set[name] = value
    }
  }
  return given
}

async function measure(runner: Runner, claims: Claims, given: Given, err: (text: string) => void): Promise<FullReport> {
  const versions: Record<string, string> = { node: process.versions.node }
  const options: ClaimsOptions = {
    quick: given.quick,
    set: given.set,
    log: err,
    signal: runner.signal ?? interrupted(),
    async installPeers(wanted) {
      const peers = await installPeers(join(runner.folder, '.peers', claims.name), wanted)
      Object.assign(versions, peers.versions)
      return peers
    },
  }
  const report = await claims.run(options)
  if (report.claims.length === 0) throw new Error('it made no claim, so it could not fail')
  return {
    name: claims.name,
    versions: { ...versions, ...report.versions },
    machine: describeMachine(),
    claims: report.claims,
    rows: report.rows,
    ...(report.tables && { tables: report.tables }),
  }
}

/** Ctrl-C asks the run to clean up; a second one ends the process. */
function interrupted(): AbortSignal {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Error('interrupted')))
  process.once('SIGTERM', () => stop.abort(new Error('terminated')))
  return stop.signal
}
