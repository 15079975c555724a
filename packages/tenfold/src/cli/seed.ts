/** A new database in development is filled once by the project's own seed script, beside the running app. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Instance } from '../app/index.ts'
import type { Output } from './output.ts'
import type { Project } from './project.ts'

/** Runs `seed` of tenfold.config.ts if the database was made just now. Returns how to end it early. */
export function seedOnce(
  { config, root }: Project,
  instance: Pick<Instance, 'newDatabase' | 'environment'>,
  output: Output,
): () => void {
  if (!config.seed || !instance.newDatabase || instance.environment.env !== 'development') return () => {}
  const tell = (line: string): void => output.error(output.paint('grey', `seed: ${line}`))
  const child = spawn(process.execPath, [fileURLToPath(new URL(config.seed, root))], {
    cwd: fileURLToPath(root),
    env: { ...process.env, LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true, // Ctrl-C is for the app, which ends it
  })
  createInterface({ input: child.stdout }).on('line', tell)
  child.on('error', (error) => tell(error.message))
  child.on('exit', (code) =>
    tell(code === 0 ? 'done' : `ended with code ${code}; run it again with \`node ${config.seed}\``),
  )
  return () => void (child.exitCode === null && child.kill('SIGTERM'))
}
