import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** As from a shell: npm tells the programs that it starts who they are, and these should not believe it. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_TEST/.test(name)))
}

export function run(
  command: string,
  args: readonly string[],
  { cwd }: { cwd: string },
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] })
    const texts: string[] = []
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => texts.push(text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output: texts.join('') }))
  })
}

/** The same; throws with the end of what it said where it fails. */
export async function must(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, output } = await run(command, args, { cwd })
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}\n${output.slice(-3000)}`)
  return output
}

/** Which of these programs are not installed, as a reason; or nothing. */
export function missing(programs: readonly string[]): string | undefined {
  const absent = programs.filter((name) => !['/usr/bin', '/usr/sbin'].some((folder) => existsSync(join(folder, name))))
  return absent.length > 0 ? `these are not installed: ${absent.join(', ')}` : undefined
}

/** The same for something that needs root, too. */
export function impossible(programs: readonly string[]): string | undefined {
  return process.getuid?.() === 0 ? missing(programs) : 'it needs root'
}

const TELL_CPU = `data:text/javascript,process.on('exit',()=>{const{user,system}=process.cpuUsage();process.stderr.write('cpu '+(user+system))})`

/** Milliseconds of processor time of the cheapest run of a Node.js program: others may need the machine meanwhile. */
export async function cheapestOf(times: number, args: readonly string[], cwd: string): Promise<number> {
  let best = Infinity
  for (let i = 0; i < times; i++) {
    const { code, output } = await run(process.execPath, ['--import', TELL_CPU, ...args], { cwd })
    if (code !== 0) throw new Error(`node ${args.join(' ')}: ${output}`)
    best = Math.min(best, Number(/cpu (\d+)$/.exec(output)?.[1]) / 1000)
  }
  return best
}

/** How npm installs here: what it has is taken, and nothing is asked. */
export const NPM = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']

/** Makes a project of the starter `api`, without installing anything. */
export async function createProject(folder: string, name: string, tenfold: string): Promise<string> {
  const args = [name, '--starter', 'api', '--yes', '--no-install', '--no-git', '--tenfold', tenfold]
  await must(join(folder, 'node_modules/.bin/create-tenfold'), args, folder)
  return join(folder, name)
}

export interface Made {
  folder: string
  /** From the command to the first answer. */
  seconds: number
  stop(): Promise<void>
}

/** `npm create tenfold` as a user does it, with the packages in `folder`; the app answers when this resolves. */
export async function startProject(options: { folder: string; starter: string; tenfold: string }): Promise<Made> {
  const { folder, starter, tenfold } = options
  const name = `new-${starter}`
  const started = performance.now()
  const args = [name, '--starter', starter, '--yes', '--start', '--no-git', '--tenfold', tenfold]
  const child = spawn(join(folder, 'node_modules/.bin/create-tenfold'), args, {
    cwd: folder,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: npm, the watcher and the app end together, as by Ctrl-C.
    detached: true,
  })
  const texts: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => texts.push(text))
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGINT')
    await ended
  }
  const deadline = performance.now() + 300_000
  for (;;) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(texts.join(''))?.[0]
    const ready = url && (await fetch(`${url}/health/ready`).then(({ ok }) => ok, () => false)) // prettier-ignore
    if (ready) return { folder: join(folder, name), seconds: (performance.now() - started) / 1000, stop }
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop()
      throw new Error(`the ${starter} starter did not start:\n${texts.join('')}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
