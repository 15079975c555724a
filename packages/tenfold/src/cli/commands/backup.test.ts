import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Manifest } from '../../backup/index.ts'
import { sandbox, type Finished, type Sandbox } from '../sandbox.fixture.ts'

const CONFIG = `import { config } from 'tenfold'
export default config({ backup: { schedule: '*/2 * * * * *', keep: '1d' } })
`

describe('tenfold backup and restore', () => {
  let project: Sandbox
  before(async () => void (project = await sandbox({ files: { 'tenfold.config.ts': CONFIG } })))
  after(() => project.remove())

  const right = async (...args: string[]): Promise<Finished> => {
    const finished = await project.run(args)
    assert.equal(finished.code, 0, finished.stderr + finished.stdout)
    return finished
  }
  const TO = ['--to', '.tenfold/postgres']

  test('an app backs itself up by its cron, and everything comes back from it', async () => {
    const app = project.start(['start', '--json'])
    const [, url] = await app.untilPrinted(/"url":\s*"([^"]+)"/)
    await fetch(`${url}/notes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'remember the milk' }),
    }).then((response) => assert.ok(response.ok, String(response.status)))
    const wrote = Date.now()
    const deadline = wrote + 40_000
    for (;;) {
      const { backups, log } = JSON.parse((await right('backup', 'list', '--json')).stdout) as {
        backups: Manifest[]
        log?: { at: string }
      }
      if (log && backups[0] && Date.parse(backups[0].startedAt) > wrote) break
      assert.ok(Date.now() < deadline, 'no backup was made')
    }
    app.child.kill('SIGTERM')
    await app.finished

    const proven = await right('backup', 'verify', 'latest')
    assert.match(proven.stdout, /proven \S+: \d+ tables with their rows and checksums/)
    const [, id] = /proven (\S+):/.exec(proven.stdout)!
    const refused = await project.run(['restore', id!, ...TO])
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /TF_RESTORE_WOULD_LOSE .*tables with \d+ rows/)
    assert.match((await right('restore', id!, ...TO, '--dry-run')).stdout, /would restore .* and replace \d+ tables/)
    assert.match(
      (await right('restore', id!, ...TO, '--force')).stdout,
      /restored[^]*is now in \.tenfold\/postgres\/replaced-/,
    )

    const again = project.start(['start', '--json'])
    const [, restored] = await again.untilPrinted(/"url":\s*"([^"]+)"/)
    assert.deepEqual(await (await fetch(`${restored}/notes`)).json(), ['remember the milk'])
    again.child.kill('SIGTERM')
    await again.finished
  })

  test('a backup by hand says what it has; wrong usage is answered with the way out', async () => {
    const made = await right('backup')
    assert.match(made.stdout, /\d{8}-\d{6}-[0-9a-f]{4} the whole server, [\d.]+ MB/)
    const wrong: [string[], number, RegExp][] = [
      [['restore'], 2, /TF_MISSING_ARGUMENT/],
      [['restore', 'latest'], 2, /--to <place>/],
      [['restore', 'nothing', ...TO], 1, /TF_BACKUP_UNKNOWN/],
      [['backup', 'lisst'], 2, /TF_UNEXPECTED_ARGUMENT/],
      [['restore', 'latest', '--to', 'elsewhere', '--until', 'yesterday'], 1, /TF_BACKUP_UNTIL/],
    ]
    for (const [args, code, says] of wrong) {
      const finished = await project.run(args)
      assert.equal(finished.code, code, args.join(' '))
      assert.match(finished.stderr, says)
    }
  })
})
