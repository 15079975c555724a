/** The Dockerfile of a new project, built by Buildah and run as it is meant to be: by a user without rights, on a disk that
 *  nobody can write. Its base is made here, since no registry of images need be in reach. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Claim } from '../../scripts/claims/index.ts'
import { startEmbedded } from '../../packages/tenfold/src/database/embedded/index.ts'
import { bareDebian, put, putNode } from './debian.ts'
import { freePort } from '../../packages/tenfold/src/deploy/testing/index.ts'
import { createProject, impossible, must, NPM, run } from './processes.ts'
import type { Packages } from './stage-one.ts'

const BASE = 'docker.io/library/node:24-trixie-slim'
const IMAGE = 'localhost/app'

/** What is missing for it, or nothing. */
export function imageImpossible(): string | undefined {
  return impossible(['buildah', 'debootstrap', 'systemd-nspawn'])
}

export async function proveImage({ folder, tenfold }: Packages, log: (text: string) => void): Promise<Claim[]> {
  const claims: Claim[] = []
  const claim = (what: string, goal: string | number, value: string | number, holds: boolean): void =>
    void claims.push({ claim: what, goal: String(goal), value, holds })
  const own = ['--root', join(folder, 'images'), '--runroot', join(folder, 'images-run')]
  const buildah = async (...args: string[]): Promise<string> =>
    (await must('buildah', [...own, ...args], folder)).trim()

  log('the base of the image: a bare Debian 13 with Node.js')
  const root = join(folder, 'base')
  await bareDebian(root, ['ca-certificates'])
  putNode(root)
  put(root, 'usr/etc/npmrc', 'cafile=/etc/ssl/certs/ca-certificates.crt\n')
  await must('chroot', [root, 'useradd', '--uid', '1000', '--user-group', '--create-home', 'node'], '/')
  const base = await buildah('from', 'scratch')
  await buildah('add', '--quiet', base, root, '/')
  await buildah('commit', '--quiet', base, BASE)

  log('the image, from the Dockerfile of a new project')
  const registry = await serve(tenfold)
  const project = await createProject(folder, 'my-image', tenfold)
  try {
    await lockTo(project, tenfold, registry.url)
    const build = [
      'build',
      '--isolation',
      'chroot',
      '--format',
      'docker',
      '--pull-never',
      '--layers',
      '--tag',
      IMAGE,
      '.',
    ]
    await must('buildah', [...own, ...build], project)
  } finally {
    registry.close()
  }
  const { Docker } = JSON.parse(await buildah('inspect', '--type', 'image', IMAGE)) as {
    Docker: { config: { User: string; Healthcheck?: { Test: string[] } } }
  }
  const { User: user, Healthcheck: healthcheck } = Docker.config
  claim('the user of the image', 'node', user, user === 'node')

  const container = await buildah('from', '--pull-never', IMAGE)
  const inside = await buildah('mount', container)
  const added = Math.round(((await bytesIn(inside)) - (await bytesIn(root))) / 1e6)
  claim('MB that the app adds to the image of Node.js', 'at most 60', added, added <= 60)
  const left = (await must('find', ['app', '-maxdepth', '1', '-printf', '%f '], inside)).trim().split(' ')
  const stray = left.filter((name) => /^(\.git|\.env.*|\.tenfold|deploy|Dockerfile|\.github)$/.test(name)).join(', ')
  claim('secrets, data and other things of development in it', 'none', stray || 'none', stray === '')
  const foreign = await must('find', ['app', '!', '-user', 'root', '-printf', '%p\\n'], inside)
  claim('files in it that are not of root', 0, foreign.split('\n').filter(Boolean).length, foreign === '')

  log('it runs')
  const database = await startEmbedded({ dataDir: join(folder, 'database'), database: 'app' })
  try {
    const port = await freePort()
    const settings = {
      NODE_ENV: 'production',
      PORT: port,
      DATABASE_URL: database.adminUrl,
      SECRET_KEY: 'k'.repeat(44),
      STORAGE_URL: 'file:///tmp/files',
    }
    const inContainer = (...command: string[]): string[] => [
      ...[
        '--quiet',
        `--directory=${inside}`,
        '--read-only',
        '--tmpfs=/tmp:mode=1777',
        '--register=no',
        '--keep-unit',
        '--pipe',
      ],
      ...['--as-pid2', '--user=node', '--chdir=/app', '--drop-capability=all', '--no-new-privileges=yes'],
      ...Object.entries(settings).map(([name, value]) => `--setenv=${name}=${value}`),
      ...command,
    ]
    const program = ['node', 'node_modules/tenfold/bin/tenfold.js']
    await must('systemd-nspawn', inContainer(...program, 'migrate', 'up'), '/')
    const written = await run('systemd-nspawn', inContainer('touch', '/app/mine'), { cwd: '/' })
    claim('writing to its own files', 'refused', written.code === 0 ? 'works' : 'refused', written.code !== 0)
    // The health check of the Dockerfile, word for word, beside the app, until it is content.
    const check = healthcheck!.Test.slice(1)
      .map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
      .join(' ')
    const script = `${program.join(' ')} start --only web,worker,cron & app=$!
healthy=no; for _ in $(seq 120); do if ${check}; then healthy=yes; break; fi; sleep 0.5; done
echo "healthy $healthy"; kill -TERM $app; wait $app; echo "ended $?"`
    const { output } = await run('systemd-nspawn', inContainer('bash', '-c', script), { cwd: '/' })
    const healthy = /^healthy yes$/m.test(output)
    claim('what its health check says', 'healthy', healthy ? 'healthy' : output.slice(0, 1500), healthy)
    const ended = /^ended (\d+)$/m.exec(output)?.[1] ?? output.slice(-600)
    claim('its exit code when it is asked to end', 0, ended, ended === '0')
  } finally {
    await database.stop()
    await buildah('umount', container)
  }
  return claims
}

/** The package from an address, as a registry has it; the others from where they are. */
async function lockTo(project: string, tenfold: string, url: string): Promise<void> {
  await must('npm', ['install', ...NPM], project)
  const version = (
    JSON.parse(readFileSync(join(project, 'node_modules/tenfold/package.json'), 'utf8')) as { version: string }
  ).version
  for (const name of ['package.json', 'package-lock.json']) {
    const file = join(project, name)
    const text = readFileSync(file, 'utf8')
      .replace(/"tenfold": "file:[^"]+"/, `"tenfold": "${version}"`)
      .replace(/"resolved": "file:[^"]*tenfold[^"]*"/, `"resolved": "${url}"`)
    if (text.includes('file:')) throw new Error(`${name} still names ${tenfold}`)
    writeFileSync(file, text)
  }
}

async function bytesIn(folder: string): Promise<number> {
  return Number.parseInt(await must('du', ['--summarize', '--bytes', folder], '/'), 10)
}

async function serve(file: string): Promise<{ url: string; close(): void }> {
  const bytes = readFileSync(file)
  const server = createServer((_, reply) => void reply.end(bytes)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tenfold.tgz`, close: () => server.close() }
}
