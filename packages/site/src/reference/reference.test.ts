import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { commands } from '../../../tenfold/src/cli/index.ts'
import { apiReference } from './api.ts'
import { cliReference } from './cli.ts'
import { variablesOf } from './configuration.ts'
import { referencePages } from './index.ts'

const framework = resolve(import.meta.dirname, '../../../tenfold')

describe('the reference', () => {
  const pages = apiReference(framework)
  const { exports } = JSON.parse(readFileSync(join(framework, 'package.json'), 'utf8')) as {
    exports: Record<string, string>
  }

  for (const [door, file] of Object.entries(exports)) {
    if (!file.endsWith('.ts')) continue
    test(`of ${door} names everything that can be imported from there`, async () => {
      const page = pages.find((one) => one.door === join('tenfold', door))!
      // A program does something when it is imported, and exports nothing.
      const program = file.endsWith('.program.ts')
      const imported = program ? [] : Object.keys((await import(join(framework, file))) as object)
      assert.deepEqual(
        imported.filter((name) => name !== 'default' && !page.names.includes(name)),
        [],
      )
      // Errors and names of other packages stand in tables, everything else under a heading of its own.
      const missing = page.names.filter(
        (name) => !page.markdown.includes(`### ${name}\n`) && !page.markdown.includes(`| \`${name}\` |`),
      )
      assert.deepEqual(missing, [])
      assert.doesNotMatch(page.markdown, /^ *@(example|param)|\*\//m)
    })
  }

  test('shows signature, defaults, errors and an example', () => {
    const { markdown } = pages[0]!
    const about = (name: string): string => new RegExp(`### ${name}\n[^]*?(?=\n##)`).exec(markdown)?.[0] ?? ''
    assert.match(about('retryAfter'), /function retryAfter\(delay: Duration, reason\?: string\): TenfoldError\n/)
    assert.match(about('RouteOptions'), /\*\*`timeout`\*\*: .*Defaults to 30 s/)
    assert.match(about('giveUp'), /```ts\nif \(reply\.status === 410\) throw giveUp/)
    assert.match(markdown, /\]\(\.\.\/errors\/TF_[A-Z_]+\.md\)/)
  })

  test('has every command with its options', async () => {
    const page = await cliReference()
    for (const { name, load } of commands) {
      const { options = {} } = await load()
      assert.match(page, new RegExp(`^### tenfold ${name}$|^## tenfold ${name}$`, 'm'))
      for (const option of Object.keys(options)) assert.ok(page.includes(`--${option}`), `${name} --${option}`)
    }
  })

  test('has everything of others that is shipped', async () => {
    const page = (await referencePages(resolve(framework, '../..'))).find(({ title }) => title === 'Licences')!
    assert.match(page.markdown, /^\| fastify \| [\d.]+ \| MIT \| installed \|$/m)
    assert.match(page.markdown, /^\| preact \| [\d.]+ \| MIT \| bundled \|$/m)
  })

  test('has every variable that the platform reads', () => {
    const path = join(framework, 'src/config/environment.ts')
    const text = readFileSync(path, 'utf8')
    const read = [...text.matchAll(/\b(?:read|text)\(\s*'([A-Z_]+)'/g)].map(([, name]) => name!)
    const documented = variablesOf(path).flatMap(({ names }) => names)
    assert.ok(read.length > 20)
    assert.deepEqual(
      [...new Set(read)].filter((name) => !documented.includes(name)),
      [],
    )
  })
})
