import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, extname, join, relative } from 'node:path/posix'
import { firstSentence, placeOf, SECTIONS, titleOf, type Page, type Section } from './page.ts'

/** Pages of the root that belong to the documentation. */
const OF_THE_PROJECT = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']

/** Every page of docs/, in the order in which docs/README.md leads to them, or the README.md of their folder; what neither names
 *  comes after, by name. */
export function readDocs(root: string): Page[] {
  const sources = globSync('docs/**/*.md', { cwd: root })
  const texts = new Map(sources.filter(isIndex).map((index) => [index, readFileSync(join(root, index), 'utf8')]))
  const placeIn = (index: string, source: string): number => {
    const at = texts.get(index)?.indexOf(`](${relative(dirname(index), source)})`) ?? -1
    return at < 0 ? Infinity : at
  }
  const compare = (a: string, b: string): number =>
    Number(isIndex(b)) - Number(isIndex(a)) ||
    order(placeIn('docs/README.md', a), placeIn('docs/README.md', b)) ||
    order(placeIn(join(dirname(a), 'README.md'), a), placeIn(join(dirname(b), 'README.md'), b)) ||
    a.localeCompare(b, 'en', { numeric: true })
  return [...sources.sort(compare), ...OF_THE_PROJECT].map((source) => pageOf(root, source))
}

/** The drawings that lie beside the pages of docs/, by their place in the site, which is the same beside the pages there. */
export function readPictures(root: string): [string, string][] {
  const docs = join(root, 'docs')
  return globSync('**/*.svg', { cwd: docs }).map((path) => [path, readFileSync(join(docs, path), 'utf8')])
}

/** A page that nothing of docs/ is: a file or a folder of the repository that some page leads to. */
export function readLinked(root: string, source: string): Page | undefined {
  const path = join(root, source)
  if (!existsSync(path)) return undefined
  if (statSync(path).isDirectory()) {
    const names = globSync('*', { cwd: path }).filter((name) => !['node_modules', 'dist'].includes(name))
    const list = names.sort().map((name) => `- [${name}](${join('/', source, name)})`)
    return { ...fileAt(source), markdown: `# ${source}\n\n${list.join('\n')}\n` }
  }
  if (extname(source) === '.md') return { ...pageOf(root, source), section: 'file' }
  const text = readFileSync(path, 'utf8')
  return { ...fileAt(source), markdown: `# ${source}\n\n\`\`\`\`\`${extname(source).slice(1)}\n${text}\n\`\`\`\`\`\n` }
}

function pageOf(root: string, source: string): Page {
  const markdown = readFileSync(join(root, source), 'utf8')
  return { source, path: placeOf(source), section: sectionOf(source), title: titleOf(markdown, source), markdown }
}

function fileAt(source: string): Omit<Page, 'markdown'> {
  return { source, path: placeOf(source), section: 'file', title: source }
}

function sectionOf(source: string): Section {
  if (source === 'docs/README.md') return 'home'
  const [top, folder, ...rest] = source.split('/')
  if (top !== 'docs') return 'project'
  return rest.length === 0 ? 'guide' : folder!
}

/** A folder that has no README.md gets a page with what is in it. */
export function sectionsWithoutIndex(pages: readonly Page[]): Page[] {
  const sections = [...new Set(pages.map(({ section }) => section))].filter((id) => id !== 'home' && id !== 'project')
  return sections.flatMap((section) => {
    const source = `docs/${section}/README.md`
    if (pages.some((page) => page.source === source)) return []
    const title = SECTIONS.find(({ id }) => id === section)?.title ?? section
    const rows = pages
      .filter((page) => page.section === section && dirname(page.source) === dirname(source))
      .map(
        (page) =>
          `| [${page.title}](${page.source.slice(dirname(source).length + 1)}) | ${cell(firstSentence(page.markdown))} |`,
      )
    return [
      {
        source,
        path: placeOf(source),
        section,
        title,
        markdown: `# ${title}\n\n| page | |\n| --- | --- |\n${rows.join('\n')}\n`,
      },
    ]
  })
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '\\<')
}

function isIndex(source: string): boolean {
  return source.endsWith('/README.md')
}

function order(a: number, b: number): number {
  return a === b ? 0 : a - b
}
