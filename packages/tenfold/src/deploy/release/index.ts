/** Releases on a machine over ssh: data first (steps), then whoever runs them. */
import { spawn } from 'node:child_process'
import { DeployFailed } from '../errors.ts'
import type { Step } from './steps.ts'

export { packRelease } from './pack.ts'
export { releaseSteps, rollbackSteps, type Step } from './steps.ts'

interface Remote {
  /** `deploy@shop.example.com`. */
  host: string
  /** More arguments of ssh, such as `-p 2222`. */
  options: readonly string[]
}

/** The command line of a step, as a person would type it. */
export function commandOf({ host, options }: Remote, { script, takesRelease }: Step): string {
  const ssh = ['ssh', ...options, host].join(' ')
  return takesRelease ? `tar -cz … | ${ssh} bash -c '…'\n${script}` : `${ssh} bash -s <<'EOF'\n${script}\nEOF`
}

/** Runs one step; what the machine says goes to `onText`. Throws TF_DEPLOY_FAILED. */
export async function runStep(
  remote: Remote,
  step: Step,
  { release, onText }: { release?: Buffer; onText: (text: string) => void },
): Promise<void> {
  // Over the network it is a word of a command line of a shell: quoted once more.
  const asWord = `'${step.script.replaceAll("'", `'\\''`)}'`
  const words = step.takesRelease ? ['bash', '-c', asWord] : ['bash', '-s']
  const child = spawn('ssh', ['-o', 'BatchMode=yes', ...remote.options, remote.host, ...words], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const texts: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      texts.push(text)
      onText(text)
    })
  // A machine that hangs up while it is being written to says why by its exit code.
  child.stdin.on('error', () => {})
  child.stdin.end(step.takesRelease ? release : step.script)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (code === 0) return
  const said = texts.join('').trim().split('\n').slice(-3).join('\n')
  throw DeployFailed({ host: remote.host, step: step.about, said: said || `ssh ended with ${code}` })
}
