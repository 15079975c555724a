import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { run } from './test/step.ts'

/** A system with these programs and nothing else. `apt-get` writes down how it was called. */
async function bareSystem(t: TestContext, programs: Record<string, string>): Promise<{ PATH: string }> {
  const PATH = await mkdtemp(join(tmpdir(), 'tenfold-setup-'))
  t.after(() => rm(PATH, { recursive: true }))
  for (const name of ['env', 'mktemp', 'rm', 'tail']) await symlink(`/usr/bin/${name}`, join(PATH, name))
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(PATH, name), `#!/bin/bash\n${script}\n`)
    await chmod(join(PATH, name), 0o755)
  }
  return { PATH }
}

/** What the script needs, by the lines of its own list: each `program:package   # why`. */
const NEEDS = [...(await readFile('scripts/setup', 'utf8')).matchAll(/^ {2}([\w-]+):([\w-]+) +# \S/gm)].map(
  ([, program = '', name = '']) => ({ program, name }),
)
const PROGRAMS = NEEDS.map(({ program }) => program)
const PACKAGES = NEEDS.map(({ name }) => name)

const APT = 'echo "$*" >>"${BASH_SOURCE[0]}.log"; echo "apt says $*"'
const setup = (env: { PATH: string }, ...args: string[]) => run('/bin/bash', ['scripts/setup', ...args], { env })

test('--missing names what is missing and installs nothing', async (t) => {
  const { code, output } = await setup(await bareSystem(t, {}), '--missing')
  assert.equal(code, 0)
  assert.ok(PROGRAMS.includes('chromium') && PROGRAMS.length > 2)
  assert.equal(output.trim(), PROGRAMS.join('\n'))
})

test('nothing is done when everything is there', async (t) => {
  const { code, output } = await setup(
    await bareSystem(t, { ...Object.fromEntries(PROGRAMS.map((name) => [name, ''])), 'apt-get': 'exit 1' }),
  )
  assert.equal(code, 0)
  assert.equal(output, 'setup: nothing is missing\n')
})

test('what is missing is installed with one update and one install', async (t) => {
  const system = await bareSystem(t, { id: 'echo 0', 'apt-get': APT })
  const { code, output } = await setup(system)
  assert.equal(code, 0, output)
  const calls = (await readFile(join(system.PATH, 'apt-get.log'), 'utf8')).trim().split('\n')
  assert.equal(calls.length, 2)
  assert.match(calls[0] ?? '', /update$/)
  assert.ok(calls[1]?.endsWith(`install -y --no-install-recommends ${PACKAGES.join(' ')}`), calls[1])
})

test('a user goes through sudo, and without it is told what to do', async (t) => {
  const refused = await setup(await bareSystem(t, { id: 'echo 1000', 'apt-get': APT }))
  assert.equal(refused.code, 1)
  assert.ok(refused.output.includes(`run as root, or install by other means: ${PROGRAMS.join(' ')}`), refused.output)
  const system = await bareSystem(t, { id: 'echo 1000', 'apt-get': APT, sudo: 'exec "$@"' })
  assert.equal((await setup(system)).code, 0)
})

test('when apt fails its last lines are shown', async (t) => {
  const { code, output } = await setup(
    await bareSystem(t, { id: 'echo 0', 'apt-get': 'echo "no space left"; exit 100' }),
  )
  assert.equal(code, 1)
  assert.match(output, /no space left\nsetup: apt-get failed/)
})

test('a system without apt is told so', async (t) => {
  const { code, output } = await setup(await bareSystem(t, { id: 'echo 0' }))
  assert.equal(code, 1)
  assert.ok(output.includes(`has no apt-get; install by other means: ${PROGRAMS.join(' ')}`), output)
})
