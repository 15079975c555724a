/** One of the example servers, as a process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const EXAMPLES = new URL('../../examples/existing/', import.meta.url)

export interface Server {
  url: string
  /** Ends it with a signal, and waits for its end. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>
}

export async function startServer(file: string, env: Record<string, string>): Promise<Server> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, EXAMPLES))], {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => line.startsWith('http') && resolve(line))
    ended.then(([code]) => reject(new Error(`${file} ended with ${code}`)), reject)
  })
  return {
    url,
    async end(signal) {
      child.kill(signal)
      return (await ended)[0]
    },
  }
}
