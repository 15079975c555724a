/** Releases over a real ssh server, which logs in to this machine. systemd is no part of it: a script starts the service. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PassThrough } from 'node:stream'
import { main } from '../index.ts'
import { sandbox, type Finished, type Sandbox } from '../sandbox.fixture.ts'

const SSHD = '/usr/sbin/sshd'
const skip = existsSync(SSHD) ? false : 'sshd is not installed: scripts/setup'

describe('tenfold deploy vm', { skip }, () => {
  let project: Sandbox & { databaseUrl: string }
  let machine: string
  let sshd: ChildProcess
  let ssh: string
  let port: number
  before(async () => {
    project = await sandbox({ database: true })
    machine = `${project.folder}-machine`
    port = await freePort()
    ;({ sshd, ssh } = await startSshd(machine, { project, port }))
  })
  after(async () => {
    const pid = read('pid')
    if (pid) process.kill(-Number(pid), 'SIGKILL')
    sshd.kill('SIGKILL')
    rmSync(machine, { recursive: true, force: true })
    await project.remove()
  })

  const read = (file: string): string => {
    const path = join(machine, file)
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
  }
  /** The command line within this process: it is the machine that is tried here. */
  const tenfold = async (...args: string[]): Promise<Pick<Finished, 'code' | 'stdout' | 'stderr'>> => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const code = await main([...args, '--config', join(project.folder, 'tenfold.config.ts')], { stdout, stderr })
    const textOf = (stream: PassThrough): string => String(stream.read() ?? '')
    return { code, stdout: textOf(stdout), stderr: textOf(stderr) }
  }
  const deploy = (...more: string[]): ReturnType<typeof tenfold> =>
    tenfold(
      ...['deploy', 'vm', `${userInfo().username}@127.0.0.1`, `--ssh=${ssh}`, '--base', join(machine, 'srv')],
      ...['--environment', join(machine, 'env'), '--install', `ln -s ${join(project.folder, 'node_modules')} .`],
      // On a busy machine an app takes its time.
      ...['--patience', '300', ...more],
    )
  const greeting = async (): Promise<string> => {
    const reply = await fetch(`http://127.0.0.1:${port}/hello`)
    return ((await reply.json()) as { hello: string }).hello
  }
  const greet = (text: string): void => {
    const file = 'modules/greetings/index.ts'
    project.write({ [file]: project.read(file).replace(/hello: '\w+'/, `hello: '${text}'`) })
  }

  test('says every command in a dry run, and touches nothing', async () => {
    const { code, stdout } = await deploy('--dry-run')
    assert.equal(code, 0)
    assert.match(stdout, /ssh -p \d+ .* bash -s <<'EOF'[^]*migrate up[^]*systemctl reload-or-restart notebook/)
    assert.deepEqual(readdirSync(join(machine, 'srv')), ['releases'])
  })

  test('uploads, migrates and starts a release; switches to a new one, and back', async () => {
    const first = await deploy()
    assert.deepEqual([first.code, first.stderr], [0, ''], first.stdout)
    assert.equal(await greeting(), 'world')
    greet('moon')
    const second = await deploy()
    assert.equal(second.code, 0, second.stdout + second.stderr)
    assert.equal(await greeting(), 'moon')
    const back = await deploy('--rollback')
    assert.equal(back.code, 0, back.stdout + back.stderr)
    assert.equal(await greeting(), 'world')
  })

  test('keeps the old release when migrations are refused, or the new one does not get ready', async () => {
    const migration = 'modules/notes/migrations/0002_index.sql'
    project.write({ [migration]: '--! phase: expand\ncreate index note_text on note (text);\n' })
    const refused = await deploy()
    assert.equal(refused.code, 1)
    assert.match(refused.stdout, /refused index-not-concurrent/)
    assert.match(refused.stderr, /TF_DEPLOY_FAILED.*applies its migrations/)
    assert.equal(await greeting(), 'world')

    rmSync(join(project.folder, migration))
    const app = project.read('app.ts')
    project.write({ 'app.ts': `${app}\nif (process.argv.includes('start')) throw new Error('not today')\n` })
    const late = await deploy('--patience', '2')
    assert.equal(late.code, 1)
    assert.match(late.stderr, /did not get ready within 2 s/)
    const deadline = Date.now() + 60_000
    while ((await greeting().catch(() => '')) !== 'world' && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(await greeting(), 'world')
  })

  test('a machine that cannot be reached is said in one sentence', async () => {
    const { code, stderr } = await tenfold('deploy', 'vm', 'nobody@127.0.0.1', '--ssh=-p 1')
    assert.equal(code, 1)
    assert.match(stderr, /TF_DEPLOY_FAILED {2}On nobody@127\.0\.0\.1 a step failed[^]*[Cc]onnection refused/)
  })
})

interface Machine {
  project: { folder: string; databaseUrl: string }
  /** Of the app. */
  port: number
}

/** A server that lets the user of this process in by a key of its own; programs in `bin` come first in its path. */
async function startSshd(machine: string, { project, port }: Machine): Promise<{ sshd: ChildProcess; ssh: string }> {
  mkdirSync(join(machine, 'srv/releases'), { recursive: true })
  mkdirSync(join(machine, 'bin'))
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true })
  const [hostKey, userKey] = [join(machine, 'host'), join(machine, 'user')]
  for (const key of [hostKey, userKey]) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  writeFileSync(
    join(machine, 'env'),
    `NODE_ENV=production\nHOST=127.0.0.1\nPORT=${port}\nSECRET_KEY=${'k'.repeat(40)}\nDATABASE_URL=${project.databaseUrl}\n`,
  )
  writeFileSync(join(machine, 'bin/systemctl'), systemctl(machine), { mode: 0o755 })
  const sshPort = await freePort()
  writeFileSync(
    join(machine, 'sshd_config'),
    `Port ${sshPort}
ListenAddress 127.0.0.1
HostKey ${hostKey}
PidFile none
AuthorizedKeysFile ${userKey}.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
StrictModes no
SetEnv PATH=${join(machine, 'bin')}:${dirname(process.execPath)}:${process.env.PATH}
`,
  )
  const sshd = spawn(SSHD, ['-D', '-e', '-f', join(machine, 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] })
  await new Promise<void>((resolve, reject) => {
    const said: string[] = []
    sshd.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said.push(text)
      if (said.join('').includes('Server listening')) resolve()
    })
    sshd.on('close', () => reject(new Error(`sshd: ${said.join('')}`)))
  })
  const known = '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'
  return { sshd, ssh: `-p ${sshPort} -i ${userKey} ${known}` }
}

/** Ends what runs, and starts what `current` points to, in a process group of its own. */
function systemctl(machine: string): string {
  return `#!/bin/bash
[ "$1 $2" = "reload-or-restart notebook" ] || exit 1
if [ -f ${machine}/pid ]; then kill -KILL -- "-$(cat ${machine}/pid)"; fi
cd ${machine}/srv/current || exit 1
set -a; . ${machine}/env
setsid node node_modules/tenfold/bin/tenfold.js start --only web --processes 1 >>${machine}/log 2>&1 </dev/null &
echo $! >${machine}/pid
`
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
