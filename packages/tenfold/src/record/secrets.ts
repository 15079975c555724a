/** What is secret is not kept, and what was recorded can be sent again all the same.
 *
 *  Cookies are not written down: who sends which is (`_user`), and the one who sends it all again has a jar for each.
 *  What an answer gave out and a later request brings along (tokens, ids) becomes a variable: saved from the one (`_save`),
 *  put into the other (`{{v1}}`). What is secret by its name and came from nowhere (a password) is replaced by another value,
 *  the same one each time. */
import { createHash } from 'node:crypto'
import type { Entry } from './archive.ts'

export interface Secrets {
  /** Whose request this is, by its cookies; `client` tells those apart who have none yet. */
  userOf(cookies: string | undefined, client: string): string
  /** The cookies of an answer belong to this user from now on. */
  gave(user: string, setCookies: readonly string[]): void
  /** What an answer holds that later requests may bring along. */
  learn(entry: Entry, body: string): void
  /** Puts variables and other values into what is about to be kept. */
  hidePath(path: string): string
  hideBody(text: string, type: string, path: string): string
  header(name: string, value: string, path: string): string | undefined
  /** What was needed and not given out while recording: whoever sends it again has to know. */
  readonly unknown: { sessions: number; tokens: number; replaced: number }
}

interface Source {
  entry: Entry
  /** `user.id`, or `text:…` with what stands before it. */
  at: string
}

const SECRET_NAME = /pass(word|wd|phrase)?$|secret|token|^pin$|otp|cvv|cvc|iban|card_?number|authorization|api_?key/i
const SECRET_HEADER = /^(authorization|proxy-authorization)$|token|secret|api-?key|csrf|xsrf/i
const MOST_SOURCES = 20_000
const PAGES_KEPT = 20

export function createSecrets(): Secrets {
  const owners = new Map<string, string>()
  const clients = new Map<string, string>()
  const sources = new Map<string, Source>()
  const variables = new Map<string, string>()
  const replaced = new Map<string, string>()
  const pages: { entry: Entry; text: string }[] = []
  const unknown = { sessions: 0, tokens: 0, replaced: 0 }
  let users = 0
  const newUser = (): string => `visitor-${++users}`

  function variableFor(value: string, path: string): string | undefined {
    for (const key of [value, below(path, value)]) {
      const name = variables.get(key) ?? saved(key, sources.get(key) ?? (key === value ? onPage(value) : undefined))
      if (name !== undefined) return `{{${name}}}`
    }
    return undefined
  }

  function saved(key: string, source: Source | undefined): string | undefined {
    if (!source) return undefined
    const name = `v${variables.size + 1}`
    variables.set(key, name)
    source.entry._save = { ...source.entry._save, [name]: source.at }
    return name
  }

  /** Hidden fields of forms. */
  function onPage(value: string): Source | undefined {
    if (value.length < 16) return undefined
    for (const { entry, text } of pages) {
      const at = text.indexOf(value)
      if (at < 0) continue
      const before = text.slice(Math.max(0, at - 30), at).replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
      return { entry, at: `text:${before}([^"'<>\\s]+)` }
    }
    return undefined
  }

  function standIn(value: string): string {
    const known = replaced.get(value)
    if (known !== undefined) return known
    unknown.replaced++
    const made = `Redacted-${createHash('sha256').update(`${replaced.size}`).digest('hex').slice(0, 8)}`
    replaced.set(value, made)
    return made
  }

  function inside(value: unknown, path: string, key = ''): unknown {
    if (Array.isArray(value)) return value.map((one) => inside(one, path, key))
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inside(one, path, name)]))
    if (typeof value !== 'string' && typeof value !== 'number') return value
    const text = String(value)
    const variable = typeof value === 'string' || /id$/i.test(key) ? variableFor(text, path) : undefined
    // A number stays one: `hideBody` takes the quotes away.
    if (variable) return typeof value === 'number' ? variable.replace('{{', '{{#') : variable
    return SECRET_NAME.test(key) && text !== '' ? standIn(text) : value
  }

  function form(text: string, path: string): string {
    return text
      .split('&')
      .map((pair) => {
        const [name = '', value = ''] = pair.split('=')
        const key = decoded(name)
        const shown = inside(decoded(value), path, key)
        return shown === decoded(value) ? pair : `${name}=${kept(String(shown))}`
      })
      .join('&')
  }

  return {
    unknown,
    userOf(cookies, client) {
      const pairs = (cookies ?? '').split(/; */).filter(Boolean)
      const owner = pairs.map((pair) => owners.get(pair)).find((one) => one !== undefined)
      if (owner !== undefined) return owner
      const name = pairs.length > 0 ? pairs.toSorted((a, b) => b.length - a.length)[0]! : client
      const known = clients.get(name)
      if (known !== undefined) return known
      if (pairs.length > 0) unknown.sessions++
      const user = newUser()
      clients.set(name, user)
      for (const pair of pairs) owners.set(pair, user)
      return user
    },
    gave(user, setCookies) {
      for (const line of setCookies) owners.set(line.split(';')[0]!.trim(), user)
    },
    learn(entry, body) {
      const { mimeType } = entry.response.content
      if (/html/.test(mimeType)) {
        pages.unshift({ entry, text: body })
        pages.length = Math.min(pages.length, PAGES_KEPT)
      }
      if (!/json/.test(mimeType) || sources.size > MOST_SOURCES) return
      const { pathname } = new URL(entry.request.url)
      const walk = (value: unknown, at: string, key: string): void => {
        if (typeof value === 'object' && value !== null) {
          for (const [name, one] of Object.entries(value)) walk(one, at ? `${at}.${name}` : name, name)
        } else if (at !== '' && (typeof value === 'string' || typeof value === 'number')) {
          const text = String(value)
          const strong = text.length >= 16 || (text.length >= 8 && /\d/.test(text) && /[a-z]/i.test(text))
          if (strong && !/\s/.test(text)) add(text, { entry, at })
          else if (/(^|_)id$|Id$/.test(key)) add(below(pathname, text), { entry, at })
        }
      }
      const add = (name: string, source: Source): void => {
        if (!sources.has(name)) sources.set(name, source)
      }
      try {
        walk(JSON.parse(body), '', '')
      } catch {
        // It says that it is JSON.
      }
    },
    hidePath(path) {
      const [before = '', query] = path.split('?')
      const parts = before.split('/').map((one) => variableFor(decoded(one), path) ?? one)
      return query === undefined ? parts.join('/') : `${parts.join('/')}?${form(query, path)}`
    },
    hideBody(text, type, path) {
      if (/json/.test(type)) {
        try {
          return JSON.stringify(inside(JSON.parse(text), path)).replaceAll(/"\{\{#(\w+)\}\}"/g, '{{$1}}')
        } catch {
          return text
        }
      }
      return /x-www-form-urlencoded/.test(type) ? form(text, path) : text
    },
    header(name, value, path) {
      // Browsers offer tokens among the protocols of a socket.
      if (/^(cookie|set-cookie|sec-websocket-.*)$/i.test(name)) return undefined
      const [, scheme = '', rest = value] = /^(bearer |token |basic )(.*)$/i.exec(value) ?? []
      const variable = variableFor(rest, path)
      if (variable) return `${scheme}${variable}`
      if (!SECRET_HEADER.test(name)) return value
      unknown.tokens++
      return `${scheme}redacted`
    },
  }
}

/** Short ids say little: they are taken for the same only below the same first part of the path. */
function below(path: string, value: string): string {
  return `${path.split('/')[1]?.split('?')[0] ?? ''} ${value}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

/** Encoded, but for variables. */
function kept(text: string): string {
  return /^\{\{\w+\}\}$/.test(text) ? text : encodeURIComponent(text)
}
