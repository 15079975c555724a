/** The pages, in the order of the menu. `key` after `g` goes there. */
export interface Place {
  href: string
  name: string
  key: string
  notInProduction?: boolean
}

export const PLACES: Place[] = [
  { href: '/', name: 'Overview', key: 'o' },
  { href: '/advice', name: 'Advice', key: 'd' },
  { href: '/alerts', name: 'Alerts', key: 't' },
  { href: '/requests', name: 'Requests', key: 'r' },
  { href: '/queries', name: 'Queries', key: 'q' },
  { href: '/indexes', name: 'Indexes', key: 'x' },
  { href: '/findings', name: 'Findings', key: 'f' },
  { href: '/jobs', name: 'Jobs', key: 'j' },
  { href: '/crons', name: 'Crons', key: 'c' },
  { href: '/webhooks', name: 'Webhooks', key: 'k' },
  { href: '/caches', name: 'Caches', key: 'h' },
  { href: '/limits', name: 'Limits', key: 'i' },
  { href: '/sessions', name: 'Sessions', key: 's' },
  { href: '/files', name: 'Files', key: 'e' },
  { href: '/logs', name: 'Logs', key: 'l' },
  { href: '/business', name: 'Business', key: 'b' },
  { href: '/modules', name: 'Modules', key: 'u' },
  { href: '/twin', name: 'Twin', key: 'w' },
  { href: '/load', name: 'Load', key: 'v' },
  { href: '/analytics', name: 'Analytics', key: 'a' },
  { href: '/mail', name: 'Mail', key: 'm', notInProduction: true },
]

/** Whether a page, or a detail below it, is shown. */
export function isAt(place: Place, path: string): boolean {
  return place.href === '/' ? path === '/' : path === place.href || path.startsWith(`${place.href}/`)
}
