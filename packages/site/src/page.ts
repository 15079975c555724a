/** A page before it is rendered. */
export interface Page {
  /** Where its text comes from, from the root of the repository: `docs/guide/jobs.md`. Links in it are meant from there. */
  source: string
  /** Where it goes in the site: `guide/jobs.html`. */
  path: string
  section: Section
  title: string
  markdown: string
}

/** In the order of the navigation. */
export const SECTIONS = [
  { id: 'tutorial', title: 'Tutorial' },
  { id: 'guide', title: 'Guide' },
  { id: 'ladder', title: 'The ladder' },
  { id: 'comparisons', title: 'Comparisons' },
  { id: 'reference', title: 'Reference' },
  { id: 'errors', title: 'Errors' },
  { id: 'findings', title: 'Findings' },
  { id: 'decisions', title: 'Decisions' },
  { id: 'project', title: 'The project' },
] as const

export type Section = (typeof SECTIONS)[number]['id'] | 'home' | 'file' | (string & {})

/** Where a file of the repository is in the site. What lies outside of docs/ is there because a page leads to it. */
export function placeOf(source: string): string {
  const inDocs = source.startsWith('docs/') ? source.slice('docs/'.length) : `repository/${source}`
  const page = inDocs.replace(/(^|\/)README\.md$/, '$1index.html')
  return page.endsWith('.html') ? page : page.endsWith('.md') ? `${page.slice(0, -'.md'.length)}.html` : `${page}.html`
}

/** The heading that a page begins with, without its marks. */
export function titleOf(markdown: string, source: string): string {
  const heading = /^# (.+)$/m.exec(markdown)?.[1]
  if (heading === undefined) throw new Error(`${source} does not begin with a heading`)
  return plain(heading)
}

/** What a page says first: for lists of pages. */
export function firstSentence(markdown: string): string {
  const paragraph = markdown
    .replace(/^```[^]*?^```$/gm, '')
    .split(/\n{2,}/)
    .map((text) => text.trim())
    .find((text) => text !== '' && !/^[#|<>-]/.test(text))
  // `**What happened.** The pool was empty`: the second is what it says.
  const text = plain((paragraph ?? '').replace(/^\*\*[^*]+\*\*:?\s+/, '')).replace(/\n/g, ' ')
  return /^.+?[.!?:](?=\s|$)/.exec(text)?.[0] ?? text
}

function plain(markdown: string): string {
  return markdown.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '')
}
