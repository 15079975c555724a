import MiniSearch from 'minisearch'
import { SEARCH_OPTIONS } from './search-options.ts'
import type { Page } from './page.ts'
import type { Heading } from './render.ts'

/** The index that browsers load when somebody begins to search: one entry for each heading of each page. */
export function searchIndex(pages: readonly { page: Page; headings: readonly Heading[] }[]): string {
  const search = new MiniSearch(SEARCH_OPTIONS)
  for (const { page, headings } of pages) {
    if (page.section === 'file') continue
    headings.forEach((heading, i) => {
      search.add({
        id: i === 0 ? page.path : `${page.path}#${heading.anchor}`,
        page: page.title,
        title: i === 0 ? page.title : '',
        heading: i === 0 ? '' : heading.text,
        words: heading.words,
        start: heading.words.trim().replace(/\s+/g, ' ').slice(0, 140),
      })
    })
  }
  return JSON.stringify(search)
}
