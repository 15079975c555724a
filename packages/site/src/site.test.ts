import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import MiniSearch from 'minisearch'
import { referencePages } from './reference/index.ts'
import { makeSite, serveSite, writeSite, type Site } from './index.ts'
import { SEARCH_OPTIONS } from './search-options.ts'

const repository = resolve(import.meta.dirname, '../../..')

describe('the site', () => {
  let folder: string
  let site: Site
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenfold-site-'))
    site = makeSite(repository, await referencePages(repository))
    await writeSite(site, folder)
  })
  after(() => rm(folder, { recursive: true, force: true }))

  test('has every page of docs/ in its navigation', () => {
    const home = site.files.get('index.html')!
    const missing = globSync('docs/**/*.md', { cwd: repository })
      .map((source) =>
        source
          .slice('docs/'.length)
          .replace(/\.md$/, '.html')
          .replace(/README\.html$/, 'index.html'),
      )
      .filter((path) => path !== 'index.html' && !home.includes(`<li><a href="${path}">`))
    assert.deepEqual(missing, [])
  })

  test('has no link that leads nowhere', () => assert.deepEqual(site.faults, []))

  test('leads to nothing that is not in it', () => {
    const dead = [...site.files].flatMap(([path, html]) =>
      [...html.matchAll(/<a [^>]*href="([^"#:]+)(?:#[^"]*)?"/g)]
        .map(([, href]) => join(dirname(path), decodeURIComponent(href!)))
        .filter((to) => !site.files.has(to))
        .map((to) => `${path}: ${to}`),
    )
    assert.deepEqual(dead, [])
  })

  test('asks for nothing that is not in its folder', async () => {
    for (const [path, html] of site.files) {
      for (const [, link] of html.matchAll(/<(?:link|script|img)[^>]* (?:href|src)="([^"]*)"/g)) {
        const file = join(folder, dirname(path), link!)
        assert.ok(file.startsWith(folder), `${path} asks for ${link}`)
        await readFile(file)
      }
    }
    assert.doesNotMatch(await readFile(join(folder, 'site.js'), 'utf8'), /https?:\/\//)
  })

  test('finds a page by the words in it, and an error by its code', () => {
    const index = MiniSearch.loadJSON(
      JSON.parse(/^tenfoldSearch\((.*)\)/.exec(site.files.get('search.js')!)![1]!) as string,
      SEARCH_OPTIONS,
    )
    const ids = (asked: string): string[] =>
      index
        .search(asked)
        .slice(0, 5)
        .map(({ id }) => id as string)
    assert.match(ids('read replicas')[0]!, /^guide\/replicas\.html/)
    assert.match(ids('TF_POOL_EXHAUSTED')[0]!, /^errors\/TF_POOL_EXHAUSTED\.html/)
    assert.ok(ids('transaction mode').some((id) => id.startsWith('guide/pgbouncer.html')))
    assert.ok(ids('replcas').length > 0, 'a slip of the finger finds something')
  })

  test('is served on this machine, and nothing outside of its folder is', async () => {
    const server = await serveSite(folder, 0)
    const { port, address } = server.address() as AddressInfo
    const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`)
    assert.equal(address, '127.0.0.1')
    assert.match(await (await ask('/')).text(), /<h1 id="documentation">/)
    assert.equal((await ask('/guide/jobs.html')).status, 200)
    for (const path of ['/gone.html', '/..%2f..%2fetc/passwd', '/%zz']) assert.ok((await ask(path)).status >= 400, path)
    server.closeAllConnections()
    server.close()
  })
})

test('a link to a page or a heading that is gone is a fault', async () => {
  const root = await mkdtemp(join(tmpdir(), 'tenfold-site-'))
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  for (const name of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']) await write(name, '# A\n')
  await write('docs/README.md', '# Home\n\n[jobs](guide/jobs.md) [a folder](guide/) [source](../src/a.ts)\n')
  await write(
    'docs/guide/jobs.md',
    '# Jobs\n\n## Later\n\n[here](#later) [gone](gone.md) [no](#sooner) [no](../README.md#no)\n',
  )
  await write('docs/new-folder/page.md', '# A page\n')
  await write('src/a.ts', 'export {}\n')
  const { faults, files } = makeSite(root)
  await rm(root, { recursive: true })
  assert.deepEqual(faults, [
    'docs/guide/jobs.md links to gone.md - there is no such page',
    'docs/guide/jobs.md links to #sooner - that page has no such heading',
    'docs/guide/jobs.md links to ../README.md#no - that page has no such heading',
  ])
  assert.match(files.get('index.html')!, /href="repository\/src\/a\.ts\.html"/)
  assert.match(
    files.get('index.html')!,
    /<summary>New-folder<\/summary>\s*<ul>.*<li><a href="new-folder\/page\.html">A page/,
  )
})
