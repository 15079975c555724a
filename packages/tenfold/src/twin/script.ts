/** The user's own test, with BASE_URL for its address. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ScriptOptions {
  folder: string
  env: Record<string, string | undefined>
  url: string
  signal?: AbortSignal
}

const LINES_KEPT = 25

export async function runScript(
  command: string,
  { folder, env, url, signal }: ScriptOptions,
): Promise<{ code: number; output: string }> {
  const child = spawn(command, {
    shell: true,
    cwd: folder,
    env: { ...env, BASE_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal && { signal }),
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, output: output.trim().split('\n').slice(-LINES_KEPT).join('\n') }
}
