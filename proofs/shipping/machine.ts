/** A bare Debian 13 in a folder, which boots its own systemd in namespaces of its own: with its own processes, its own
 *  network that leads nowhere but through the proxy here, and its own firewall. Needs root, debootstrap and systemd-nspawn. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bareDebian, MIRROR, put, putNode } from './debian.ts'
import { openProxy, PROXY_PORT } from './proxy.ts'
import { impossible, must, run } from './processes.ts'

const NEEDS = ['debootstrap', 'systemd-nspawn', 'nsenter', 'ssh', 'ssh-keygen']

export interface Machine {
  /** Of its file system, from outside. */
  readonly root: string
  /** Runs a script of bash on the machine, as root. */
  run(script: string): Promise<{ code: number | null; output: string }>
  /** The same; throws with what it said where it fails. */
  must(script: string): Promise<string>
  /** Options of ssh, with which the machine is `root@machine`. */
  readonly ssh: string
  /** As if somebody had pulled the plug and put it back. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** What is missing for it, or nothing. */
export function machineImpossible(): string | undefined {
  return impossible(NEEDS)
}

export async function openMachine(folder: string, log: (text: string) => void): Promise<Machine> {
  const root = join(folder, 'root')
  log('a bare Debian 13: debootstrap')
  await bareDebian(root, ['systemd', 'systemd-sysv', 'dbus', 'openssh-server', 'ca-certificates', 'iproute2'])
  const outside = join(folder, 'outside')
  mkdirSync(outside)
  const proxy = await openProxy(join(outside, 'proxy.sock'))
  standIn(root)
  const key = join(folder, 'key')
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key], '/')
  mkdirSync(join(root, 'root/.ssh'), { mode: 0o700, recursive: true })
  writeFileSync(join(root, 'root/.ssh/authorized_keys'), readFileSync(`${key}.pub`), { mode: 0o600 })
  let booted = await boot(root, outside)

  const run_ = (script: string): ReturnType<Machine['run']> =>
    run(
      'nsenter',
      ['--target', String(booted.init), '--all', '--', 'bash', '-euo', 'pipefail', '-c', `cd /\n${script}`],
      {
        cwd: '/',
      },
    )
  const mustRun = async (script: string): Promise<string> => {
    const { code, output } = await run_(script)
    if (code !== 0) throw new Error(`on the machine:\n${script}\n${output.slice(-3000)}`)
    return output
  }
  const config = join(folder, 'ssh_config')
  const writeSsh = (): void =>
    writeFileSync(
      config,
      `Host machine
  HostName 127.0.0.1
  User root
  IdentityFile ${key}
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
  ProxyCommand nsenter --target ${booted.init} --net -- ${process.execPath} ${import.meta.dirname}/pipe.program.ts 22
`,
    )
  writeSsh()
  return {
    root,
    run: run_,
    must: mustRun,
    ssh: `-F ${config}`,
    async restart() {
      await booted.stop()
      booted = await boot(root, outside)
      writeSsh()
    },
    async close() {
      await booted.stop()
      await proxy.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What the machine would fetch from the package sources of Node.js and of Postgres, when those cannot be reached from here:
 *  this very Node.js, and Postgres 18 from the next Debian. And the way out, which is the proxy. */
function standIn(root: string): void {
  putNode(root)
  const proxy = `http://127.0.0.1:${PROXY_PORT}`
  put(root, 'usr/etc/npmrc', `proxy=${proxy}\nhttps-proxy=${proxy}\ncafile=/etc/ssl/certs/ca-certificates.crt\n`)
  put(root, 'etc/apt/apt.conf.d/00proxy', `Acquire::http::Proxy "${proxy}";\nAcquire::Check-Valid-Until "false";\n`)
  put(root, 'etc/apt/sources.list.d/pgdg.list', `deb ${MIRROR} forky main\n`)
  put(root, 'etc/apt/preferences.d/forky', FORKY)
  put(root, 'usr/local/lib/outside.mjs', OUTSIDE)
  put(
    root,
    'etc/systemd/system/outside.service',
    `[Unit]\nDescription=the way out\n[Service]\nExecStart=/usr/bin/node /usr/local/lib/outside.mjs\nRestart=always\n[Install]\nWantedBy=multi-user.target\n`,
  )
  mkdirSync(join(root, 'etc/systemd/system/multi-user.target.wants'), { recursive: true })
  symlinkSync('../outside.service', join(root, 'etc/systemd/system/multi-user.target.wants/outside.service'))
  put(root, 'etc/hostname', 'app\n')
  put(root, 'etc/hosts', '127.0.0.1 localhost app\n::1 localhost\n')
}

const FORKY = `Package: *
Pin: release n=forky
Pin-Priority: 100

# Postgres 18, and what it was built with.
Package: postgresql-18 postgresql-client-18 postgresql-18-jit libpq5 libc6 libc-bin libc-l10n locales libicu* libllvm* libxml2* libssl3* liburing* libnuma1 libldap*
Pin: release n=forky
Pin-Priority: 990
`

const OUTSIDE = `import { connect, createServer } from 'node:net'
createServer((from) => {
  const to = connect('/outside/proxy.sock')
  for (const one of [from, to]) one.on('error', () => { from.destroy(); to.destroy() })
  from.pipe(to).pipe(from)
}).listen(${PROXY_PORT}, '127.0.0.1')
`

async function boot(root: string, outside: string): Promise<{ init: number; stop(): Promise<void> }> {
  const texts: string[] = []
  const child = spawn(
    'systemd-nspawn',
    [
      ...[`--directory=${root}`, '--boot', '--register=no', '--keep-unit', '--private-network', '--console=pipe'],
      ...[`--bind=${outside}:/outside`, '--machine=tenfold-machine', '--link-journal=no', '--resolv-conf=off'],
    ],
    { env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => texts.push(text))
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const stop = async (): Promise<void> => {
    // SIGTERM shuts it down in an orderly way; what does not listen is ended.
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), 60_000)
    await ended
    clearTimeout(late)
  }
  const deadline = Date.now() + 120_000
  for (;;) {
    const init = childOf(child)
    if (init !== undefined) {
      const { output } = await run(
        'nsenter',
        ['--target', String(init), '--all', '--', 'systemctl', 'is-system-running'],
        { cwd: '/' },
      )
      if (/^(running|degraded)$/m.test(output)) return { init, stop }
    }
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`the machine does not boot:\n${texts.join('').slice(-2000)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

/** Its process 1, as it is called here. */
function childOf({ pid }: ChildProcess): number | undefined {
  const file = `/proc/${pid}/task/${pid}/children`
  const [first] = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : []
  return first ? Number(first) : undefined
}
