/** One of the example servers, as a process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Server {
  /** Where it listens, if it says so. */
  url: string
  /** Everything that it has printed. */
  said(): string
  /** Ends it with a signal, and waits for its end: the exit code, or the signal that it ended by. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string>
}

const ADDRESS = /http:\/\/(127\.0\.0\.1|localhost):\d+/

/** Starts Node.js with arguments, and waits for the line that says that it is ready: by default the one that has the address. */
export async function startServer(
  args: readonly string[],
  { cwd, env, ready = ADDRESS }: { cwd: string | URL; env: Record<string, string>; ready?: RegExp },
): Promise<Server> {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, NODE_ENV: 'test', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts: string[] = []
  const ended = once(child, 'exit') as Promise<[number | null, string]>
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface(stream).on('line', (line) => {
        texts.push(line)
        const [found] = ready.exec(line) ?? []
        if (stream === child.stdout && found) resolve(found)
      })
    ended.then(([code]) => reject(new Error(`${args.join(' ')} ended with ${code}:\n${texts.join('\n')}`)), reject)
  })
  return {
    url,
    said: () => texts.join('\n'),
    async end(signal) {
      child.kill(signal)
      const [code, by] = await ended
      return code ?? by
    },
  }
}
