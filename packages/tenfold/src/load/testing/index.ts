import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface KnownServer {
  url: string
  stop(): void
}

/** A server in a process of its own, so that it has its own event loop. It ends with this process. */
export async function startKnownServer(...args: string[]): Promise<KnownServer> {
  const program = fileURLToPath(new URL('./server.program.ts', import.meta.url))
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const { value } = await lines.next()
  return { url: `http://127.0.0.1:${value}`, stop: () => child.disconnect() }
}
