/** Markdown to HTML, with everything that needs to know about the other pages: links, anchors, what is searched. */
import hljs from 'highlight.js/lib/core'
import bash from 'highlight.js/lib/languages/bash'
import css from 'highlight.js/lib/languages/css'
import ini from 'highlight.js/lib/languages/ini'
import json from 'highlight.js/lib/languages/json'
import nginx from 'highlight.js/lib/languages/nginx'
import sql from 'highlight.js/lib/languages/sql'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'
import MarkdownIt, { type Token } from 'markdown-it'
import { dirname, join, relative } from 'node:path/posix'
import { anchorMaker } from './anchors.ts'
import { placeOf, type Page } from './page.ts'

export interface Heading {
  level: number
  text: string
  anchor: string
  /** What stands below it, up to the next heading: for the search. */
  words: string
}

export interface Rendered {
  html: string
  headings: Heading[]
  links: Link[]
}

/** A link to another file or folder of the repository, or to another place on the same page. */
export interface Link {
  /** From the root of the repository. */
  to: string
  anchor: string | undefined
  /** As it stands in the page. */
  written: string
  /** As it stands in the site. */
  href: string
}

const LANGUAGES = { bash, css, ini, json, nginx, sql, typescript, xml, yaml }
const ALIASES = {
  sh: 'bash',
  console: 'bash',
  shell: 'bash',
  ts: 'typescript',
  tsx: 'typescript',
  js: 'typescript',
  mjs: 'typescript',
  toml: 'ini',
  yml: 'yaml',
  html: 'xml',
} as Record<string, string>

/** Makes what renders pages; one for a whole site. */
export function createRenderer(): (page: Page) => Rendered {
  for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language)
  const markdown = new MarkdownIt({ html: false, linkify: false, highlight })
  return (page) => {
    // Comments are for programs, such as the one that follows the tutorial.
    const tokens = markdown.parse(page.markdown.replace(/^<!--.*-->$/gm, ''), {})
    const headings = markHeadings(tokens)
    const links = rewriteLinks(tokens, page)
    return { html: wrapTables(markdown.renderer.render(tokens, markdown.options, {})), headings, links }
  }
}

function highlight(code: string, language: string): string {
  const name = ALIASES[language] ?? language
  return hljs.getLanguage(name) ? hljs.highlight(code, { language: name }).value : ''
}

/** Gives each heading its anchor, and a link to itself that shows when it is pointed at. */
function markHeadings(tokens: Token[]): Heading[] {
  const anchor = anchorMaker()
  const headings: Heading[] = []
  tokens.forEach((token, i) => {
    const inline = tokens[i + 1]
    if (token.type === 'heading_open' && inline) {
      const text = (inline.children ?? []).map((child) => child.content).join('')
      const id = anchor(inline.content)
      token.attrSet('id', id)
      headings.push({ level: Number(token.tag.slice(1)), text, anchor: id, words: '' })
    } else if (token.type === 'inline' && tokens[i - 1]?.type !== 'heading_open') {
      const words = (token.children ?? []).map((child) => child.content || ' ').join('')
      const last = headings.at(-1)
      if (last) last.words += ` ${words}`
    } else if (token.type === 'fence') {
      const last = headings.at(-1)
      if (last) last.words += ` ${token.content}`
    }
  })
  return headings
}

/** Links to files of the repository become links to their pages. */
function rewriteLinks(tokens: readonly Token[], page: Page): Link[] {
  const links: Link[] = []
  for (const token of tokens) {
    for (const child of [token, ...(token.children ?? [])]) {
      const written = child.type === 'link_open' ? child.attrGet('href') : null
      if (typeof written !== 'string' || /^[a-z][a-z+.-]*:/i.test(written)) continue
      const [file = '', anchor] = decodeURIComponent(written).split('#')
      const to = file === '' ? page.source : file.startsWith('/') ? join('.', file) : join(dirname(page.source), file)
      const place = file === '' ? '' : hrefTo(page.path, placeOfLink(to))
      const href = `${place}${anchor === undefined ? '' : `#${anchor}`}`
      links.push({ to: to.replace(/\/$/, ''), anchor, written, href })
      child.attrSet('href', href)
    }
  }
  return links
}

/** A folder of docs/ is its index. */
export function placeOfLink(to: string): string {
  const plain = to.replace(/\/$/, '')
  return /^docs(\/[\w-]+)*$/.test(plain) ? placeOf(`${plain}/README.md`) : placeOf(plain)
}

/** From one page to another, so that the site works in any folder, also without a server. */
export function hrefTo(from: string, to: string): string {
  return relative(dirname(from), to)
}

/** Wide tables scroll by themselves; the page does not. */
function wrapTables(html: string): string {
  return html.replaceAll('<table>', '<div class="table"><table>').replaceAll('</table>', '</table></div>')
}
