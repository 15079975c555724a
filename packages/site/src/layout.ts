import { hrefTo, type Heading } from './render.ts'
import { SECTIONS, type Page } from './page.ts'

/** What the navigation of every page is made of. */
export interface Navigation {
  sections: readonly { id: string; title: string; pages: readonly Page[] }[]
}

/** Sections in their order, and whatever folder of docs/ has come since, by its name. */
export function navigation(pages: readonly Page[]): Navigation {
  const known = SECTIONS.map(({ id }) => id as string)
  const others = [...new Set(pages.map(({ section }) => section as string))]
    .filter((id) => !known.includes(id) && id !== 'home' && id !== 'file')
    .sort()
    .map((id) => ({ id, title: id[0]!.toUpperCase() + id.slice(1) }))
  const all = [...SECTIONS.slice(0, -1), ...others, SECTIONS.at(-1)!]
  return {
    sections: all
      .map(({ id, title }) => ({ id, title, pages: pages.filter(({ section }) => section === id) }))
      .filter((section) => section.pages.length > 0),
  }
}

export interface Laid {
  page: Page
  html: string
  headings: readonly Heading[]
}

export function layout({ page, html, headings }: Laid, nav: Navigation): string {
  const to = (path: string): string => escape(hrefTo(page.path, path))
  return `<!doctype html>
<html lang="en" data-root="${escape(hrefTo(page.path, '.') || '.')}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.section === 'home' ? 'tenfold' : `${escape(page.title)} · tenfold`}</title>
<link rel="icon" href="${to('favicon.svg')}">
<link rel="stylesheet" href="${to('site.css')}">
<script src="${to('site.js')}" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
<header>
<button type="button" class="menu" aria-controls="nav" aria-expanded="false">Menu</button>
<a class="name" href="${to('index.html')}">tenfold</a>
<form class="search" role="search">
<input type="search" id="search" placeholder="Search" aria-label="Search the documentation" autocomplete="off" spellcheck="false" aria-controls="found">
<kbd>/</kbd>
<ol id="found" hidden></ol>
</form>
</header>
<div class="frame">
<nav id="nav" aria-label="Pages">
${nav.sections.map((section) => renderSection(section, page, to)).join('\n')}
</nav>
<main id="content" tabindex="-1">
${html}
${renderAround(page, nav, to)}
</main>
<aside aria-label="On this page">${renderContents(headings)}</aside>
</div>
</body>
</html>
`
}

function renderSection(
  { id, title, pages }: Navigation['sections'][number],
  here: Page,
  to: (path: string) => string,
): string {
  const entries = pages.map((page) => {
    const current = page.path === here.path ? ' aria-current="page"' : ''
    return `<li><a href="${to(page.path)}"${current}>${escape(page.title)}</a></li>`
  })
  return `<details${id === here.section || (here.section === 'home' && (id === 'tutorial' || id === 'guide')) ? ' open' : ''}>
<summary>${escape(title)}</summary>
<ul>${entries.join('')}</ul>
</details>`
}

/** The page before and the one after, in the order of the navigation. */
function renderAround(page: Page, nav: Navigation, to: (path: string) => string): string {
  const pages = nav.sections.flatMap((section) => section.pages)
  const at = pages.indexOf(page)
  if (at < 0) return ''
  const [before, after] = [pages[at - 1], pages[at + 1]]
  const link = (other: Page | undefined, rel: string): string =>
    other ? `<a rel="${rel}" href="${to(other.path)}">${escape(other.title)}</a>` : '<span></span>'
  return `<footer>${link(before, 'prev')}${link(after, 'next')}</footer>`
}

function renderContents(headings: readonly Heading[]): string {
  const entries = headings.filter(({ level }) => level === 2 || level === 3)
  if (entries.length < 2) return ''
  const list = entries.map(
    ({ level, text, anchor }) => `<li class="level-${level}"><a href="#${escape(anchor)}">${escape(text)}</a></li>`,
  )
  return `<p>On this page</p><ul>${list.join('')}</ul>`
}

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
