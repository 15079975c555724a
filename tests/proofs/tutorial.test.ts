/** `npm run prove -- tutorial`: its pages are followed as a reader would; and a page that lies is found. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { follow } from '../../proofs/tutorial/follow.ts'
import tutorial from '../../proofs/tutorial/index.ts'
import { missingLine, readPage } from '../../proofs/tutorial/page.ts'

const { signal } = new AbortController()

// Two pages of commands, packages and servers: a minute alone, several beside others.
test('the tutorial leads from an empty folder to stage 5', { timeout: 400_000 }, async () => {
  const { claims, rows } = await tutorial.run({
    quick: false,
    set: {},
    log: () => {},
    signal,
    installPeers: () => Promise.reject(new Error('this proof has no peers')),
  })
  assert.deepEqual(
    claims.filter(({ holds }) => !holds),
    [],
  )
  assert.equal(rows.length, 2)
  assert.ok(rows.every((row) => Number(row.commands) >= 10 && Number(row.outputs) >= 8))
})

describe('a page', () => {
  let folder: string
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'tenfold-page-'))))
  after(() => rm(folder, { recursive: true, force: true }))
  const followed = async (text: string): Promise<{ followed: unknown[]; failure?: string }> => {
    const page = join(folder, 'page.md')
    await writeFile(page, text)
    return follow([page], { folder, instead: (commands) => commands, log: () => {}, signal })
  }
  const sh = (text: string, info = ''): string => `\`\`\`sh${info}\n${text}\n\`\`\`\n`
  const says = (text: string, info = ''): string => `\`\`\`text${info}\n${text}\n\`\`\`\n`

  test('keeps folders and variables from one block to the next, and shows what was printed', async () => {
    const page = `${sh('mkdir inner\ncd inner\nexport NAME=Ada')}\`\`\`js file=a/b.js\nconsole.log('hello')\n\`\`\`\n${sh('cat a/b.js\necho "$NAME in $(basename $PWD)"')}${says('console.…\nAda in inner')}`
    assert.equal((await followed(page)).failure, undefined)
  })

  test('that shows what is not printed is found, with the line', async () => {
    const { failure } = await followed(`# A\n\n${sh('echo yes')}\n${says('no')}`)
    assert.match(failure!, /page\.md:7 shows a line that did not come:\n {2}no\nin what was printed:\nyes/)
  })

  test('with a command that fails is found, and the commands after it are not run', async () => {
    const { failure } = await followed(sh('ls nowhere\ntouch after'))
    assert.match(failure!, /page\.md:1 ended with 2/)
    assert.equal(existsSync(join(folder, 'after')), false)
    assert.equal((await followed(sh('ls nowhere', ' fails'))).failure, undefined)
    assert.match((await followed(sh('true', ' fails'))).failure!, /ended with 0/)
  })

  test('has terminals that go on until they are stopped, and nothing of them is left', async () => {
    const page = `${sh('touch up; echo up; sleep 1000', ' terminal=one')}${says('up')}${sh('ls up')}<!-- stop one -->\n`
    assert.equal((await followed(page)).failure, undefined)
    const ends = await followed(`${sh('echo over', ' terminal=two')}${says('up')}`)
    assert.match(ends.failure!, /did not come/)
  })

  test('asks again for what comes in time', async () => {
    const page = sh('echo x >> tries\nwc -l < tries\ntest $(wc -l < tries) -gt 2') + says('3', ' eventually')
    assert.equal((await followed(page)).failure, undefined)
  })

  test('with a word that means nothing to the runner is refused', () => {
    assert.throws(() => readPage(sh('ls', ' someday')), /line 1: 'someday' means nothing/)
    assert.equal(missingLine('a … c\nd', 'a b c\nd'), undefined)
    assert.equal(missingLine('d\na', 'a\nd'), 'a')
  })
})
