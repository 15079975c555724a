import { spawn } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'

export interface StepResult {
  name: string
  ok: boolean
  ms: number
  /** What is worth reading when it failed. */
  output: string
  /** A word for the summary: how many files, what was left out. */
  note?: string
}

export const repository: string = new URL('../..', import.meta.url).pathname

/** Runs one command of the toolchain in the repository and keeps its output. */
export async function runStep(name: string, command: string, args: readonly string[]): Promise<StepResult> {
  const started = performance.now()
  const { code, output } = await run(command, args)
  // Some tools colour their output as soon as they see that they run in CI.
  return { name, ok: code === 0, ms: performance.now() - started, output: stripVTControlCharacters(output) }
}

/** Runs a command, in the repository unless `cwd` says otherwise; `onText` gets its output as it comes. A command that cannot be started ends with 127. */
export function run(
  command: string,
  args: readonly string[],
  {
    cwd = repository,
    env = process.env,
    onText,
  }: { cwd?: string; env?: NodeJS.ProcessEnv; onText?: (text: string) => void } = {},
): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const kept: string[] = []
    const take = (text: string): void => {
      if (onText) onText(text)
      else kept.push(text)
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    child.on('error', (error) => resolve({ code: 127, output: `${command}: ${error.message}` }))
    child.on('close', (code, signal) => {
      if (signal) kept.push(`${command} was ended by ${signal}`)
      resolve({ code: code ?? 1, output: kept.join('') })
    })
  })
}

export function renderStep(step: StepResult): string {
  const line = `${step.ok ? '✔' : '✖'} ${step.name.padEnd(7)} ${(step.ms / 1000).toFixed(1).padStart(6)} s`
  return step.note ? `${line}  ${step.note}` : line
}
