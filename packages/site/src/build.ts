/** The documentation as a folder of pages that needs no network and no server: `index.html` opens from a disk, too. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { layout, navigation } from './layout.ts'
import type { Page } from './page.ts'
import { readDocs, readLinked, readPictures, sectionsWithoutIndex } from './read.ts'
import { createRenderer, placeOfLink, type Rendered } from './render.ts'
import { searchIndex } from './search.ts'

const here = dirname(fileURLToPath(import.meta.url))

export interface Site {
  /** What is written: path to text. */
  files: Map<string, string>
  /** The pages that are in the navigation. */
  pages: Page[]
  /** Links that lead nowhere, one sentence each. */
  faults: string[]
}

type Made = { page: Page } & Rendered

/** Makes every page from docs/ at `root`, and from what these pages lead to. `more` are pages that are made from the sources. */
export function makeSite(root: string, more: readonly Page[] = []): Site {
  const render = createRenderer()
  const written = [...readDocs(root), ...more]
  const docs = [...sectionsWithoutIndex(written), ...written]
  const rendered = new Map<string, Made>()
  const queue = [...docs]
  for (let page = queue.shift(); page !== undefined; page = queue.shift()) {
    if (rendered.has(page.path)) continue
    const made = render(page)
    rendered.set(page.path, { page, ...made })
    // What files of the repository link to is not followed, or all of it would be here in the end.
    const follow = page.section !== 'file'
    for (const { to } of made.links) {
      const linked =
        !follow || rendered.has(placeOfLink(to)) || queue.some(({ path }) => path === placeOfLink(to))
          ? undefined
          : readLinked(root, to)
      if (linked) queue.push(linked)
    }
  }
  const nav = navigation(docs)
  const all = [...rendered.values()]
  const files = new Map(all.map((one) => [one.page.path, layout({ ...one, html: htmlOf(one, rendered) }, nav)]))
  for (const [path, picture] of readPictures(root)) files.set(path, picture)
  files.set('search.js', `tenfoldSearch(${JSON.stringify(searchIndex(all))})\n`)
  return {
    files,
    pages: docs,
    faults: all.filter(({ page }) => page.section !== 'file').flatMap((one) => faultsOf(one, rendered)),
  }
}

/** Files of the repository lead to others that are not here: there the words stay, and the link goes. */
function htmlOf({ page, html, links }: Made, all: ReadonlyMap<string, Made>): string {
  if (page.section !== 'file') return html
  const dead = links.filter(({ to }) => !all.has(placeOfLink(to)))
  return dead.reduce((text, { href }) => text.replaceAll(`<a href="${href}">`, '<a>'), html)
}

function faultsOf({ page, links }: Made, all: ReadonlyMap<string, Made>): string[] {
  return links.flatMap(({ to, anchor, written }) => {
    const target = all.get(placeOfLink(to))
    if (!target) return [`${page.source} links to ${written} - there is no such page`]
    if (anchor === undefined || target.headings.some((heading) => heading.anchor === anchor)) return []
    return [`${page.source} links to ${written} - that page has no such heading`]
  })
}

/** Writes a site to a folder, which is emptied first. */
export async function writeSite({ files }: Site, target: string): Promise<void> {
  await rm(target, { recursive: true, force: true })
  const folders = new Set([...files.keys()].map((path) => dirname(join(target, path))))
  for (const folder of folders) await mkdir(folder, { recursive: true })
  for (const [path, text] of files) await writeFile(join(target, path), text)
  await writeFile(join(target, 'site.css'), await readFile(join(here, 'site.css')))
  await writeFile(join(target, 'favicon.svg'), await readFile(join(here, '../../console/public/favicon.svg')))
  await buildClient(target)
}

/** The search in the browser: one classic script, since modules do not load from a disk. */
async function buildClient(target: string): Promise<void> {
  const { build } = await import('vite')
  await build({
    configFile: false,
    root: here,
    logLevel: 'silent',
    build: {
      outDir: target,
      emptyOutDir: false,
      target: 'es2023',
      lib: { entry: join(here, 'client/client.ts'), formats: ['iife'], name: 'tenfoldSite', fileName: () => 'site.js' },
    },
  })
}
