/** One of the example servers, as a process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const EXAMPLES = new URL('../../examples/existing/', import.meta.url)

export interface Server {
  url: string
  /** Ends it with a signal, and waits for its end: the exit code, or the signal that it ended by. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string>
}

/** @param file in the folder of the examples
 *  @param cache a folder where those that end by themselves leave what they have compiled, for the next ones */
export async function startServer(file: string, cache: string, env: Record<string, string>): Promise<Server> {
  const child = spawn(process.execPath, [file], {
    cwd: EXAMPLES,
    env: { ...process.env, NODE_ENV: 'test', NODE_COMPILE_CACHE: cache, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit') as Promise<[number | null, string]>
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => line.startsWith('http') && resolve(line))
    ended.then(([code]) => reject(new Error(`${file} ended with ${code}`)), reject)
  })
  return {
    url,
    async end(signal) {
      child.kill(signal)
      const [code, by] = await ended
      return code ?? by
    },
  }
}
