/** Every command of the tutorial is run, in order, in an empty folder, with the packages as they are published; what the pages
 *  show as printed has to be printed. */
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startTestS3 } from '../../packages/tenfold/src/storage/testing/index.ts'
import type { Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'
import {
  buildCreate,
  buildTenfold,
  lockFor,
  pack,
  withPackages,
  type ProjectManifest,
} from '../../scripts/packages/index.ts'
import { repository } from '../../scripts/test/step.ts'
import { follow } from './follow.ts'

export default {
  name: 'tutorial',
  about: 'every command of the tutorial works, from an empty folder to stage 5, and prints what the pages show',
  run: prove,
} satisfies Claims

const PAGES = ['1-first-app.md', '2-up-the-ladder.md'].map((name) => join(repository, 'docs/tutorial', name))

async function prove({ log, signal }: ClaimsOptions): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-tutorial-'))
  const work = join(folder, 'work')
  // Postgres and PgBouncer do not run as root, and the account that runs them then has to get here.
  await chmod(folder, 0o755)
  // While the packages are built.
  const s3 = startTestS3()
  s3.catch(() => {})
  try {
    log('building and packing')
    await mkdir(work)
    const registry = await published(folder, work)
    const { endpoint, bucket } = await s3
    const address = await bucket('guestbook-files')
    const instead = async (commands: string): Promise<string> =>
      (await registry(commands)).replace(/s3:\/\/KEY:SECRET@[^']*/, address)
    const ports = new Map([[7480, Number(new URL(endpoint).port)]])
    // Dozens of processes load the same package: stripped and compiled once.
    const cache = `export NODE_COMPILE_CACHE=${join(folder, 'compiled')}\n`
    const preamble = process.getuid?.() === 0 ? cache + NOT_AS_ROOT : cache
    const { followed, failure } = await follow(PAGES, { folder: work, instead, ports, preamble, log, signal })
    const claims = [
      {
        claim: 'pages of the tutorial that can be followed to their end',
        goal: `all ${PAGES.length}`,
        value: followed.length,
        holds: failure === undefined,
      },
      ...(failure === undefined ? [] : [{ claim: failure, goal: 'as the page says', value: 'not', holds: false }]),
    ]
    return { claims, rows: followed.map((one) => ({ ...one })) }
  } finally {
    endServers(work)
    await s3.then(
      (server) => server.stop(),
      () => {},
    )
    await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** Database servers that a page started as daemons and did not come to stop. */
function endServers(folder: string): void {
  for (const file of globSync('*/machines/*/postmaster.pid', { cwd: folder })) {
    const pid = Number(readFileSync(join(folder, file), 'utf8').split('\n')[0])
    try {
      process.kill(pid, 'SIGQUIT')
    } catch {
      // It has ended by itself.
    }
  }
}

/** The servers that the tutorial starts by hand refuse to be root. A reader is not; where tests run, everything is. */
const NOT_AS_ROOT = `
plainly() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
as_nobody() { chown -R 65534:65534 machines; plainly "$@"; }
initdb() { chmod 777 machines; as_nobody "$(type -P initdb)" "$@"; }
pg_ctl() { as_nobody "$(type -P pg_ctl)" "$@"; }
pgbouncer() { as_nobody "$(type -P pgbouncer)" "$@"; }
export -f plainly as_nobody initdb pg_ctl pgbouncer
`

/** What gets something from the registry gets here what is published next: the packages as they are packed now, and the others
 *  in the versions of the lock file of this repository, so that nobody is asked what is newest. */
async function published(folder: string, work: string): Promise<(commands: string) => Promise<string>> {
  await Promise.all([buildTenfold(join(folder, 'tenfold')), buildCreate(join(folder, 'create'))])
  const [tenfold, create] = await Promise.all([
    pack(join(folder, 'tenfold'), folder),
    pack(join(folder, 'create'), folder),
  ])
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  await npm(folder, 'install', '--offline', create.file)
  const locked = async (project: string, change: (manifest: ProjectManifest) => Promise<ProjectManifest>) => {
    const file = join(project, 'package.json')
    const manifest = await change(JSON.parse(await readFile(file, 'utf8')) as ProjectManifest)
    await writeFile(file, JSON.stringify(manifest, null, 2))
    await writeFile(join(project, 'package-lock.json'), JSON.stringify(await lockFor(manifest)))
  }
  const made = { project: '' }
  return async (commands) => {
    const [create, name = '', options = ''] = /^npm create tenfold@latest (\S+) -- (.*)$/m.exec(commands) ?? []
    if (create) {
      made.project = join(work, name)
      const program = join(folder, 'node_modules/.bin/create-tenfold')
      const more = ['--no-install', '--no-git', '--tenfold', tenfold.file]
      await succeed(program, [name, ...options.split(' '), ...more], work)
      await locked(made.project, async (manifest) => manifest)
      await npm(made.project, 'ci', '--prefer-offline')
      return commands.replace(create, 'true')
    }
    const [install, words = ''] = /^npm install (.*)$/m.exec(commands) ?? []
    if (!install) return commands
    const isOption = (word: string): boolean => word.startsWith('-')
    const [flags, names] = [words.split(' ').filter(isOption), words.split(' ').filter((word) => !isOption(word))]
    await locked(made.project, (manifest) => withPackages(manifest, names))
    return commands.replace(install, `npm install --prefer-offline ${flags.join(' ')}`)
  }
}

async function npm(folder: string, ...args: string[]): Promise<void> {
  await succeed('npm', [...args, '--no-audit', '--no-fund'], folder)
}

async function succeed(command: string, args: readonly string[], cwd: string): Promise<void> {
  await promisify(execFile)(command, args, { cwd }).catch((error: Error & { stderr?: string }) => {
    throw new Error(`${command} ${args.join(' ')}: ${error.stderr ?? error.message}`, { cause: error })
  })
}
