import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Told {
  /** By server. */
  reads: Record<string, number>
  /** Reads that went to the primary, by reason. */
  misses: Record<string, number>
  replicas: { name: string; state: string; reason?: string; lagMs: number }[]
}

export interface Instance {
  url: string
  /** Since the last time it was asked. */
  tell(): Promise<Told>
  stop(): Promise<void>
}

export async function startInstance(variables: Record<string, string>): Promise<Instance> {
  const child = fork(fileURLToPath(new URL('instance.program.ts', import.meta.url)), {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      LOG_LEVEL: 'fatal',
      PORT: '0',
      HOST: '127.0.0.1',
      ...variables,
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  const first = await Promise.race([once(child, 'message'), ended.then(() => undefined)])
  if (!first) throw new Error('an instance ended before it listened')
  return {
    url: (first[0] as { url: string }).url,
    async tell() {
      child.send('tell')
      const [told] = await once(child, 'message')
      return told as Told
    },
    async stop() {
      if (child.connected) child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await ended
      clearTimeout(timer)
    },
  }
}
