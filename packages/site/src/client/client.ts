/** The search box and the menu of narrow screens. The index comes when somebody begins to search. */
import MiniSearch, { type SearchResult } from 'minisearch'
import { SEARCH_OPTIONS } from '../search-options.ts'

declare global {
  interface Window {
    /** Called by search.js, which is a script and not JSON so that it also loads from a disk. */
    tenfoldSearch?: (index: string) => void
  }
}

const root = document.documentElement.dataset['root'] ?? '.'
const box = document.querySelector<HTMLInputElement>('#search')!
const found = document.querySelector<HTMLOListElement>('#found')!
const menu = document.querySelector<HTMLButtonElement>('.menu')!
const MOST = 12

const index = once(
  () =>
    new Promise<MiniSearch>((resolve, reject) => {
      window.tenfoldSearch = (json) => resolve(MiniSearch.loadJSON(json, SEARCH_OPTIONS))
      const script = document.createElement('script')
      script.src = `${root}/search.js`
      script.addEventListener('error', reject)
      document.head.append(script)
    }),
)

box.addEventListener('focus', () => void index())
box.addEventListener('input', () => void show())
box.form!.addEventListener('submit', (event) => {
  event.preventDefault()
  chosen()?.click()
})
document.addEventListener('keydown', onKey)
document.addEventListener('click', (event) => {
  if (!box.form!.contains(event.target as Node)) found.hidden = true
})
menu.addEventListener('click', () => {
  const open = document.body.classList.toggle('menu-open')
  menu.setAttribute('aria-expanded', String(open))
})
document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'center' })

async function show(): Promise<void> {
  const asked = box.value.trim()
  const results = asked === '' ? [] : (await index()).search(asked).slice(0, MOST)
  if (box.value.trim() !== asked) return
  found.replaceChildren(...results.map(entry))
  if (asked !== '' && results.length === 0) found.append(message(`Nothing says "${asked}".`))
  found.hidden = asked === ''
  found.querySelector('a')?.classList.add('chosen')
}

function entry(result: SearchResult): HTMLLIElement {
  const { id, page, heading, start } = result as SearchResult & Record<'id' | 'page' | 'heading' | 'start', string>
  const item = document.createElement('li')
  const link = document.createElement('a')
  link.href = `${root}/${id}`
  const name = document.createElement('b')
  name.textContent = heading === '' ? page : `${heading} · ${page}`
  const words = document.createElement('span')
  words.textContent = start
  link.append(name, words)
  item.append(link)
  return item
}

function message(text: string): HTMLLIElement {
  const item = document.createElement('li')
  item.textContent = text
  return item
}

function onKey(event: KeyboardEvent): void {
  const typing = event.target instanceof HTMLInputElement
  if (event.key === '/' && !typing) {
    event.preventDefault()
    box.focus()
  }
  if (event.key === 'Escape') {
    found.hidden = true
    box.blur()
  }
  if (typing && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
    event.preventDefault()
    move(event.key === 'ArrowDown' ? 1 : -1)
  }
}

function chosen(): HTMLAnchorElement | null {
  return found.querySelector<HTMLAnchorElement>('a.chosen')
}

function move(by: number): void {
  const links = [...found.querySelectorAll('a')]
  if (links.length === 0) return
  const at = links.findIndex((link) => link.classList.contains('chosen'))
  links[at]?.classList.remove('chosen')
  const next = links[(at + by + links.length) % links.length]!
  next.classList.add('chosen')
  next.scrollIntoView({ block: 'nearest' })
}

function once<T>(make: () => T): () => T {
  const made: T[] = []
  return () => (made[0] ??= make())
}
