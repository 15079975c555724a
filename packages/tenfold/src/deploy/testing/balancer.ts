/** Real balancers for tests, in the foreground and in folders of their own. They end with this process. */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { haproxyConfig, nginxConfig, type BalancerOptions } from '../balancers/index.ts'

export type BalancerKind = 'nginx' | 'haproxy'

export interface TestBalancer {
  readonly url: string
  readonly port: number
  /** What it printed. */
  printed(): string
  /** Reads its configuration again, as after a change: `nginx -s reload`, or SIGUSR2 for HAProxy. */
  reload(): void
  stop(): Promise<void>
}

/** @example
 *  const balancer = await startBalancer('haproxy', { app: 'shop', instances })
 *  await fetch(`${balancer.url}/orders`) */
export async function startBalancer(
  kind: BalancerKind,
  options: Omit<BalancerOptions, 'listen'> & { port?: number },
): Promise<TestBalancer> {
  const { port = await freePort(), ...rest } = options
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-balancer-'))
  chmodSync(folder, 0o755) // workers of nginx are another user
  const file = writeBalancer(kind, { ...rest, listen: { host: '127.0.0.1', port } }, folder)
  const [program, args] =
    kind === 'nginx' ? ['nginx', ['-c', file, '-g', 'daemon off;']] : ['haproxy', ['-W', '-f', file]]
  const child = spawn(program, args as string[], { stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (printed += String(data)))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const die = (): void => void child.kill('SIGKILL')
  process.once('exit', die)
  let failed: Error | undefined
  child.once('error', (error) => (failed = error))
  child.once('exit', (code) => (failed ??= new Error(`${kind} ended with ${code}:\n${printed}`)))
  const stop = async (): Promise<void> => {
    process.off('exit', die)
    child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  const deadline = Date.now() + 20_000
  while (!(await answers(port))) {
    if (failed || Date.now() > deadline) {
      await stop()
      throw failed ?? new Error(`${kind} does not listen:\n${printed}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    url: `http${rest.tls ? 's' : ''}://127.0.0.1:${port}`,
    port,
    printed: () => printed,
    reload: () => void child.kill(kind === 'nginx' ? 'SIGHUP' : 'SIGUSR2'),
    stop,
  }
}

/** Writes the configuration into the folder and returns its file. */
function writeBalancer(kind: BalancerKind, options: BalancerOptions, folder: string): string {
  const file = join(folder, kind === 'nginx' ? 'nginx.conf' : 'haproxy.cfg')
  writeFileSync(file, kind === 'nginx' ? nginxConfig({ ...options, folder }) : haproxyConfig(options))
  return file
}

/** What the balancer's own check says; empty when all is well. */
export function checkBalancer(kind: BalancerKind, options: BalancerOptions): string {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-balancer-'))
  const file = writeBalancer(kind, options, folder)
  const { status, stderr, stdout, error } = spawnSync(
    kind,
    kind === 'nginx' ? ['-t', '-c', file] : ['-c', '-f', file],
    {
      encoding: 'utf8',
    },
  )
  rmSync(folder, { recursive: true, force: true })
  if (error) return error.message
  const said = `${stdout}${stderr}`
  return status === 0 && !/warn/i.test(said) ? '' : said
}

/** A certificate for localhost, made for this run: the files that nginx and HAProxy want, and its text for clients. */
export function testCertificate(folder: string): { certificate: string; key: string; both: string } {
  const [certificate, key, both] = ['cert.pem', 'key.pem', 'both.pem'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const made = spawnSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', key, '-out', certificate],
    ],
    { encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr}`)
  spawnSync('sh', ['-c', 'cat "$0" "$1" > "$2"', certificate, key, both])
  return { certificate, key, both }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
