/** Small services that stand in for others while developing (a payment provider, say): child processes of the app. */
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Telemetry } from '../telemetry/index.ts'
import { CompanionFailed } from './errors.ts'

export interface Companion {
  readonly variable: string
  readonly url: string
  stop(): Promise<void>
}

const PATIENCE_MS = 15_000

/** Starts `script` and waits for the URL that it prints as its first line. */
export async function startCompanion(variable: string, script: URL, telemetry: Telemetry): Promise<Companion> {
  const path = fileURLToPath(script)
  // Its stdin is a pipe that nobody writes to: it closes when we are gone, however we went.
  const child = spawn(process.execPath, ['--import', guard(), path], {
    env: { ...process.env, PORT: '0' },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true, // Ctrl-C is for the app: it ends its companions last
  })
  const stderr: string[] = []
  child.stderr!.on('data', (data: Buffer) => {
    stderr.push(String(data))
    telemetry.log.warn('Companion says.', { variable, line: String(data).trim().slice(0, 500) })
  })
  const url = await firstLine(child).catch((reason: Error) => {
    child.kill('SIGKILL')
    throw CompanionFailed({ variable, script: path, reason: `${reason.message} ${stderr.join('').slice(-500)}`.trim() })
  })
  child.on('exit', (code, signal) => {
    if (!child.killed) telemetry.log.error('A companion has ended.', { variable, code, signal })
  })
  return { variable, url, stop: () => stop(child) }
}

/** Loaded before the script: ends the process when its parent is gone. */
function guard(): string {
  return `data:text/javascript,${encodeURIComponent("process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume().unref()")}`
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => reject(new Error(`no URL within ${PATIENCE_MS} ms`)), PATIENCE_MS)
    const fail = (error: Error): void => {
      clearTimeout(timer)
      reject(error)
    }
    child.once('error', fail)
    child.once('exit', (code) => fail(new Error(`it ended with code ${code}`)))
    child.stdout!.on('data', (data: Buffer) => {
      text += String(data)
      const line = text.split('\n')[0]!.trim()
      if (!text.includes('\n')) return
      if (!URL.canParse(line)) return fail(new Error(`its first line is '${line.slice(0, 100)}', not a URL`))
      clearTimeout(timer)
      child.stdout!.removeAllListeners('data').resume()
      resolve(line)
    })
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
  await ended
  clearTimeout(timer)
}
