/** An app whose backup did not happen raises an alert, which its console and the command line show, and which ends once there
 *  is a backup again. */
import { sandbox } from '../../packages/tenfold/src/cli/sandbox.fixture.ts'
import type { Claim } from '../../scripts/claims/index.ts'

/** Due half a year ago, and not again while this runs. Usually the rule
 *  waits ten minutes before it fires, and five before it ends. */
const CONFIG = `import { config } from 'tenfold'
export default config({
  backup: { schedule: '0 0 1 ${((new Date().getUTCMonth() + 6) % 12) + 1} *', log: false },
  alerts: { every: '1s', defaults: { 'backup-missed': { for: '0s', keepFiring: '0s' } } },
})
`

export async function missedBackup(log: (line: string) => void, signal: AbortSignal): Promise<Claim[]> {
  const project = await sandbox({ files: { 'tenfold.config.ts': CONFIG } })
  try {
    const app = project.start(['start', '--json'])
    const [, console] = await app.untilPrinted(/"console":\s*"([^"]+)"/)
    const api = async <T>(path: string): Promise<T> =>
      (await (await fetch(new URL(`/api${path}`, console))).json()) as T
    const firing = async (): Promise<boolean> => {
      const { rules } = await api<{ rules: { name: string; state: string }[] }>('/alerts')
      return rules.some(({ name, state }) => name === 'backup-missed' && state === 'firing')
    }
    const said = async (): Promise<string> => {
      const { stdout } = await project.run(['alerts', 'list'])
      return /^backup-missed +(\w+)/m.exec(stdout)?.[1] ?? 'nothing'
    }
    const missing = async (): Promise<boolean> =>
      (await api<{ backup?: { missed: boolean } }>('/overview')).backup?.missed === true

    const raised = await until(firing, signal)
    const before = { alerts: raised, list: await said(), overview: await missing() }
    log(`without a backup: ${JSON.stringify(before)}`)
    const taken = await project.run(['backup'])
    if (taken.code !== 0) throw new Error(taken.stderr)
    const ended = await until(async () => !(await firing()), signal)
    const after = { alerts: !ended, list: await said(), overview: await missing() }
    log(`with one, taken by hand: ${JSON.stringify(after)}`)
    return [
      {
        claim: 'a backup that did not happen is an alert: in the console, in `tenfold alerts list` and in the overview',
        goal: 'all three',
        value: `${before.alerts}, ${before.list}, ${before.overview}`,
        holds: before.alerts && before.list === 'firing' && before.overview,
      },
      {
        claim: 'which ends after `tenfold backup`',
        goal: 'in all three',
        value: `${after.alerts}, ${after.list}, ${after.overview}`,
        holds: !after.alerts && after.list === 'nothing' && !after.overview,
      },
    ]
  } finally {
    await project.remove()
  }
}

/** Whether it came to that within three minutes. */
async function until(check: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + 180_000
  for (;;) {
    signal.throwIfAborted()
    if (await check()) return true
    if (Date.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
