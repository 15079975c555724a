import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { installPeers } from './peers.ts'
import type { FullReport } from './report.ts'
import { runClaims } from './run.ts'

let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenfold-claims-'))
  await write(
    'speed',
    `{ claims: [{ claim: 'fast', goal: 1, value: Number(o.set.value ?? 2), holds: (o.set.value ?? 2) >= 1 }], rows: [{ who: 'us', rate: 1234.5 }] }`,
  )
  await write('empty', `{ claims: [], rows: [] }`)
  await write('broken', `(() => { throw new Error('no database') })()`)
})
after(() => rm(folder, { recursive: true }))

async function write(name: string, report: string): Promise<void> {
  await mkdir(join(folder, name))
  const text = `export default { name: '${name}', about: 'About ${name}.', options: { value: 'a value' }, async run(o) { o.log('working'); return ${report} } }`
  await writeFile(join(folder, name, 'index.ts'), text)
}

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' }
  const signal = new AbortController().signal
  const out = (text: string): void => void (said.out += `${text}\n`)
  const err = (text: string): void => void (said.err += `${text}\n`)
  const code = await runClaims({ command: 'npm run x --', folder, argv, out, err, signal })
  return { code, ...said }
}

test('--help lists what is there with a line each', async () => {
  const { code, out } = await run('--help')
  assert.equal(code, 0)
  assert.match(out, /broken {2}About broken\.\n {2}empty {3}About empty\.\n {2}speed {3}About speed\./)
})

test('no name is an error that shows the list', async () => {
  const { code, out } = await run()
  assert.equal(code, 2)
  assert.match(out, /About speed/)
})

test('an unknown name suggests the nearest', async () => {
  const { code, err } = await run('sped')
  assert.equal(code, 2)
  assert.match(err, /There is no 'sped'\. Did you mean 'speed'\?/)
})

test('an unknown option suggests the nearest and runs nothing', async () => {
  const { code, err } = await run('speed', '--qick')
  assert.equal(code, 2)
  assert.match(err, /Did you mean --quick\?/)
  assert.doesNotMatch(err, /working/)
})

test('claims that hold end with 0 and a table', async () => {
  const { code, out } = await run('speed')
  assert.equal(code, 0)
  assert.match(out, /who\s+rate\nus\s+1,235/)
  assert.match(out, /holds\s+fast\s+1\s+2/)
})

test('--json prints one object and nothing else', async () => {
  const { code, out, err } = await run('speed', '--json', '--quick')
  const report = JSON.parse(out) as FullReport
  assert.equal(code, 0)
  assert.equal(err, 'working\n')
  assert.deepEqual(Object.keys(report), ['name', 'versions', 'machine', 'claims', 'rows'])
  assert.equal(report.versions.node, process.versions.node)
})

test('a claim that fails ends with 1', async () => {
  const { code, out } = await run('speed', '--value', '0')
  assert.equal(code, 1)
  assert.match(out, /FAILS\s+fast/)
})

test('a run that makes no claim, and one that breaks, end with 1', async () => {
  const empty = await run('empty')
  assert.equal(empty.code, 1)
  assert.match(empty.err, /made no claim/)
  const broken = await run('broken')
  assert.equal(broken.code, 1)
  assert.match(broken.err, /no database/)
})

test('peers with a range instead of a version are refused before anything is installed', async () => {
  await assert.rejects(
    installPeers(join(folder, 'peers'), { express: '^5.0.0' }),
    /exact versions, not express@\^5\.0\.0/,
  )
})
