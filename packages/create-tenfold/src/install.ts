import { spawn, spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { Refusal } from './refusal.ts'

/** Installs the project's packages. npm prefers what it has seen before over asking what is newest: the versions are exact. */
export async function installPackages(folder: string): Promise<void> {
  const { code, output } = await run(
    'npm',
    ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'],
    folder,
  )
  if (code === 0) return
  const reason = output.trim().split('\n').slice(0, 5).join('\n')
  throw new Refusal(
    `The files are there, but npm could not install the packages:\n${reason}`,
    `cd ${folder} && npm install`,
  )
}

/** A repository with one commit, where git is installed and the folder is in no repository yet. */
export function initRepository(folder: string): boolean {
  const git = (...args: string[]): boolean =>
    spawnSync('git', args, { cwd: resolve(folder), stdio: 'ignore' }).status === 0
  if (git('rev-parse', '--is-inside-work-tree')) return false
  return (
    git('init', '--quiet', '--initial-branch=main') &&
    git('add', '--all') &&
    git('commit', '--quiet', '--message', 'Begin')
  )
}

/** Runs the app until it is stopped; its exit code is ours. */
export async function startApp(folder: string): Promise<number> {
  const child = spawn('npm', ['run', '--silent', 'dev'], { cwd: resolve(folder), stdio: 'inherit' })
  // The terminal tells both; this process waits for the other.
  process.on('SIGINT', () => {})
  return new Promise((done) => child.on('close', (code) => done(code ?? 0)))
}

function run(command: string, args: string[], folder: string): Promise<{ code: number; output: string }> {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: resolve(folder), stdio: ['ignore', 'pipe', 'pipe'] })
    const texts: string[] = []
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => texts.push(text))
    child.on('error', (error) => done({ code: 127, output: `${command}: ${error.message}` }))
    child.on('close', (code) => done({ code: code ?? 1, output: texts.join('') }))
  })
}
