import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { Writable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import manifest from '../../package.json' with { type: 'json' }
import { commands, main } from './index.ts'
import { sandbox, type Sandbox } from './sandbox.fixture.ts'

interface Printed {
  code: number
  out: string
  error: string
}

async function tenfold(args: string[], { terminal = false } = {}): Promise<Printed> {
  const texts = { out: '', error: '' }
  const stream = (to: 'out' | 'error') =>
    Object.assign(
      new Writable({
        write(chunk, _encoding, done) {
          texts[to] += String(chunk)
          done()
        },
      }),
      { isTTY: terminal },
    )
  const code = await main(args, { stdout: stream('out'), stderr: stream('error') })
  return { code, ...texts }
}

describe('help', () => {
  test('the overview names every command', async () => {
    for (const args of [[], ['help'], ['--help'], ['-h']]) {
      const { code, out } = await tenfold(args)
      assert.equal(code, 0)
      for (const { name, about } of commands) assert.match(out, new RegExp(`${name} +${about.slice(0, 20)}`))
    }
  })

  test('every command explains itself, with its options and with examples that are commands', async () => {
    for (const { name, load } of commands) {
      const { options = {}, examples } = await load()
      const { code, out } = await tenfold(['help', ...name.split(' ')])
      assert.equal(code, 0)
      assert.ok(out.includes(`usage: tenfold ${name}`), out)
      for (const option of [...Object.keys(options), 'json', 'config']) assert.ok(out.includes(`--${option}`), option)
      assert.ok(examples.length > 0)
      for (const example of examples) {
        assert.match(example, new RegExp(`^([A-Z_]+=\\S+ )*tenfold ${name}\\b`))
        assert.ok(out.includes(example))
      }
      assert.deepEqual(await tenfold([...name.split(' '), '--help']), { code, out, error: '' })
    }
  })

  test('the stages are told in lines that fit, each with when to leave it', async () => {
    const { code, out } = await tenfold(['deploy'])
    assert.equal(code, 0)
    assert.match(out, /^1 {2}one machine\n +nginx, [^]*\n2 {2}database apart\n[^]*\n6 {2}a module of its own\n/)
    assert.equal(out.split('when to leave: ').length, 7)
    for (const line of out.split('\n')) assert.ok(line.length < 130, line)
  })

  test('a word that several commands share lists them', async () => {
    const { code, out } = await tenfold(['help', 'migrate'])
    assert.equal(code, 0)
    assert.match(out, /migrate up .*\n.*migrate status .*\n.*migrate new /)
    assert.doesNotMatch(out, /jobs/)
    assert.deepEqual(await tenfold(['migrate']), { code: 2, out, error: '' })
  })

  test('with --json it is data', async () => {
    const overview = JSON.parse((await tenfold(['help', '--json'])).out) as { name: string }[]
    assert.deepEqual(
      overview.map(({ name }) => name),
      commands.map(({ name }) => name),
    )
    const one = JSON.parse((await tenfold(['help', 'start', '--json'])).out) as { options: object }
    assert.deepEqual(Object.keys(one.options), ['only', 'modules', 'migrate', 'processes'])
  })

  test('--version is that of the package', async () => {
    assert.deepEqual(await tenfold(['--version']), { code: 0, out: `${manifest.version}\n`, error: '' })
    assert.equal(JSON.parse((await tenfold(['--version', '--json'])).out).version, manifest.version)
  })
})

describe('wrong usage ends with 2 and says what was meant', () => {
  const cases: [string[], RegExp][] = [
    [['strat'], /TF_UNKNOWN_COMMAND .*'strat'.*Did you mean 'start'/],
    [['jobs', 'retri'], /TF_UNKNOWN_COMMAND .*'jobs retri'.*Did you mean 'jobs retry'/],
    [['help', 'chekc'], /TF_UNKNOWN_COMMAND .*Did you mean 'check'/],
    [['--verison'], /TF_UNKNOWN_OPTION {2}'tenfold' has no option --verison. Did you mean --version/],
    [['routes', '--jsno'], /TF_UNKNOWN_OPTION {2}'tenfold routes' has no option --jsno. Did you mean --json/],
    [['start', '--zzzzzz'], /has no option --zzzzzz\.\n/],
    [['start', '--port', '4000'], /has no option --port\.\nfix: The environment says it: `PORT=… tenfold start`/],
    [['routes', '--port', '3'], /has no option --port\.[^]*\nfix: Run `tenfold routes --help`/],
    [['--port', '3'], /'tenfold' has no option --port\.[^]*\nfix: Run `tenfold --help`/],
    [['start', '--olny=web'], /TF_UNKNOWN_OPTION .*Did you mean --only/],
    [['routes', '-x'], /TF_UNKNOWN_OPTION .*-x/],
    [['routes', 'all'], /TF_UNEXPECTED_ARGUMENT .*'all'/],
    [['jobs', 'list', '--state'], /TF_MISSING_ARGUMENT .*a value after --state/],
    [['jobs', 'list', '--state', '--name', 'x'], /TF_MISSING_ARGUMENT .*a value after --state/],
    [['routes', '--no-color=yes'], /TF_BAD_OPTION_VALUE .*'yes'.*without a value/],
    [['migrate', 'new', 'notes'], /TF_MISSING_ARGUMENT/],
  ]
  for (const [args, says] of cases) {
    test(`tenfold ${args.join(' ')}`, async () => {
      const { code, out, error } = await tenfold(args)
      assert.match(error, says)
      assert.match(error, /\nfix: /)
      assert.deepEqual({ code, out }, { code: 2, out: '' })
    })
  }

  test('with --json the error is data', async () => {
    const { code, error } = await tenfold(['strat', '--json'])
    assert.equal(code, 2)
    const { code: name, details } = JSON.parse(error) as { code: string; details: unknown }
    assert.deepEqual([name, details], ['TF_UNKNOWN_COMMAND', { command: 'strat', nearest: 'start' }])
  })
})

describe('colours', () => {
  const ESCAPE = /\x1b\[/

  test('are used on a terminal only', async () => {
    assert.match((await tenfold(['help'], { terminal: true })).out, ESCAPE)
    assert.match((await tenfold(['strat'], { terminal: true })).error, ESCAPE)
    assert.doesNotMatch((await tenfold(['help'])).out, ESCAPE)
    assert.doesNotMatch((await tenfold(['strat'])).error, ESCAPE)
  })

  test('can be refused', async (t) => {
    assert.doesNotMatch((await tenfold(['help', '--no-color'], { terminal: true })).out, ESCAPE)
    t.after(() => delete process.env.NO_COLOR)
    process.env.NO_COLOR = '1'
    assert.doesNotMatch((await tenfold(['help'], { terminal: true })).out, ESCAPE)
  })
})

describe('a project', () => {
  let project: Sandbox
  before(async () => void (project = await sandbox()))
  after(() => project.remove())

  test('lists its routes, for people and for programs', async () => {
    const { code, stdout } = await project.run(['routes'])
    assert.equal(code, 0)
    assert.match(stdout, /^POST +\/notes +notes +public +100 per 1m by ip/m)
    const json = await project.run(['--config', 'tenfold.config.ts', 'routes', '--json'])
    const list = JSON.parse(json.stdout) as { method: string; path: string }[]
    assert.deepEqual(
      list.map(({ method, path }) => `${method} ${path}`),
      ['GET /notes', 'POST /notes', 'GET /hello'],
    )
  })

  test('may be read by a program that stops reading', async () => {
    const program = fileURLToPath(new URL('../../bin/tenfold.js', import.meta.url))
    const child = spawn(process.execPath, [program, 'routes'], {
      cwd: project.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.destroy()
    let error = ''
    child.stderr.on('data', (data: Buffer) => void (error += String(data)))
    const code = await new Promise((resolve) => child.once('close', resolve))
    assert.deepEqual([code, error], [0, ''])
  })

  const broken: [string, Record<string, string>, RegExp][] = [
    ['a mistake in the syntax', { 'app.ts': 'export const x = 1\nexport default (\n' }, /app\.ts:\d+ cannot be used: /],
    [
      'no default export',
      { 'app.ts': 'export const x = 1\n' },
      /app\.ts cannot be used: its default export is not an app/,
    ],
    [
      'a module that throws',
      { 'app.ts': "import './modules/bad.ts'\n", 'modules/bad.ts': "\nthrow new Error('boom')\n" },
      /modules\/bad\.ts:2 cannot be used: boom/,
    ],
    [
      'TypeScript that Node cannot strip',
      { 'app.ts': "import './modules/bad.ts'\n", 'modules/bad.ts': '\nexport enum Colour { red }\n' },
      /modules\/bad\.ts:2 cannot be used: .*enum/,
    ],
    [
      'an import of nothing',
      { 'app.ts': "import './gone.ts'\n" },
      /app\.ts cannot be used: Cannot find module .*gone\.ts/,
    ],
    [
      'a configuration without default export',
      { 'tenfold.config.ts': 'export const x = 1\n' },
      /tenfold\.config\.ts cannot be used/,
    ],
    [
      'a configuration of another app',
      { 'tenfold.config.ts': "export default { app: './src/app.ts' }\n" },
      /src\/app\.ts, is not there/,
    ],
  ]
  for (const [what, files, says] of broken) {
    test(`with ${what} is refused with the place and without a stack`, async () => {
      const own = await sandbox({ files })
      const { code, stdout, stderr } = await own.run(['routes'])
      await own.remove()
      assert.match(stderr, says)
      assert.match(stderr, /^TF_PROJECT_BROKEN .*\nfix: .*\n$/)
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
    })
  }

  test('TENFOLD_DEBUG=1 shows the stack', async () => {
    const own = await sandbox({ files: { 'app.ts': "function start() { throw new Error('boom') }\nstart()\n" } })
    const { stderr } = await own.run(['routes'], { TENFOLD_DEBUG: '1' })
    await own.remove()
    assert.match(stderr, /TF_PROJECT_BROKEN[^]*\nError: boom\n +at start \(.*app\.ts:1/)
  })

  test('that is not there is said so', async () => {
    const { code, stderr } = await project.run(['check', '--config', 'nowhere/tenfold.config.ts'])
    assert.match(stderr, /TF_NO_PROJECT {2}There is no nowhere\/tenfold\.config\.ts/)
    assert.equal(code, 1)
  })
})
