import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { packRelease, releaseSteps, type Step } from './index.ts'

const folderFor = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-release-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

const stepsIn = (base: string, id: string, keep = 2): Step[] =>
  releaseSteps({ name: 'shop', id, base, environment: '/dev/null', keep, install: 'true', patience: 1 })

const bash = (script: string, input: Buffer = Buffer.alloc(0)): string =>
  execFileSync('bash', ['-c', script], { input, encoding: 'utf8' })

test('a release is named by what is in it, and leaves secrets and what npm and git keep behind', async (t) => {
  const project = folderFor(t)
  for (const folder of ['modules', 'node_modules', '.git', 'deploy']) mkdirSync(join(project, folder))
  for (const file of [
    'app.ts',
    'modules/a.ts',
    '.env',
    '.env.local',
    'node_modules/b.js',
    '.git/c',
    'deploy/d',
    'e.log',
  ])
    writeFileSync(join(project, file), file)
  const first = await packRelease(project)
  const list = execFileSync('tar', ['-tz'], { input: first.archive, encoding: 'utf8' })
  assert.deepEqual(list.trim().split('\n'), ['app.ts', 'modules/a.ts'])
  assert.equal((await packRelease(project)).id, first.id)
  writeFileSync(join(project, 'app.ts'), 'changed')
  assert.notEqual((await packRelease(project)).id, first.id)
})

test('a release that is there is not unpacked again; one that was broken off is', (t) => {
  const base = folderFor(t)
  mkdirSync(join(base, 'releases/abc.new'), { recursive: true })
  writeFileSync(join(base, 'releases/abc.new/half'), '')
  writeFileSync(join(base, 'whole'), '')
  const archive = execFileSync('tar', ['-cz', '-C', base, 'whole'])
  const [upload, install] = stepsIn(base, 'abc')
  bash(upload!.script, archive)
  bash(install!.script)
  assert.deepEqual(readdirSync(join(base, 'releases/abc')), ['whole'])
  assert.match(bash(upload!.script, archive), /is there already/)
})

test('the newest releases stay, and the one that runs however old it is', (t) => {
  const base = folderFor(t)
  for (const [i, id] of ['a', 'b', 'c', 'd'].entries()) {
    mkdirSync(join(base, 'releases', id), { recursive: true })
    utimesSync(join(base, 'releases', id), i + 1, i + 1)
  }
  symlinkSync('releases/a', join(base, 'current'))
  const prune = stepsIn(base, 'd').at(-1)!
  assert.equal(bash(prune.script), 'removed c\nremoved b\n')
  assert.deepEqual(readdirSync(join(base, 'releases')), ['a', 'd'])
  assert.equal(bash(stepsIn(base, 'd', 1).at(-1)!.script), 'removed d\n')
})

const root = process.getuid?.() === 0

test(
  'who may not write there does all of it by sudo, whether bash reads its script or is given it',
  { skip: !root },
  (t) => {
    const [base, programs] = [folderFor(t), folderFor(t)]
    chownSync(base, 65_534, 65_534)
    writeFileSync(join(programs, 'id'), '#!/bin/sh\necho 1000\n', { mode: 0o755 })
    // Behind it, this is root again.
    const sudo = `#!/bin/bash\necho "sudo $1 $2" >>${programs}/log\nshift\nexport PATH=\${PATH#*:}\nexec "$@"\n`
    writeFileSync(join(programs, 'sudo'), sudo, { mode: 0o755 })
    const options = { encoding: 'utf8', env: { ...process.env, PATH: `${programs}:${process.env.PATH}` } } as const
    writeFileSync(join(base, 'whole'), '')
    const archive = execFileSync('tar', ['-cz', '-C', base, 'whole'])
    const [upload, install] = stepsIn(base, 'abc')
    execFileSync('bash', ['-c', upload!.script], { ...options, input: archive })
    execFileSync('bash', ['-s'], { ...options, input: install!.script })
    assert.deepEqual(readdirSync(join(base, 'releases/abc')), ['whole'])
    assert.equal(readFileSync(join(programs, 'log'), 'utf8'), 'sudo -n bash\nsudo -n bash\n')
  },
)
