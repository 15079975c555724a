/** The address of a call, put together so that nothing given by a user can lead it elsewhere. */
import { createGuard } from './addresses.ts'
import { OutboundUrl } from './errors.ts'
import type { CallOptions } from './outbound.ts'

export interface Address {
  url: URL
  /** The path with the names of its parameters: few different ones, without values. Undefined where users give URLs. */
  template: string | undefined
}

export function addressOf(
  client: string,
  baseUrl: string | undefined,
  path: string,
  { params = {}, query = {} }: Pick<CallOptions, 'params' | 'query'>,
): Address {
  const filled = path.replace(/(?<=\/):([A-Za-z_]\w*)/g, (_all, name: string) => segment(client, name, params[name]))
  const url = baseUrl === undefined ? wholeUrl(client, filled) : below(client, baseUrl, filled)
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [value as string | undefined]) {
      if (one !== undefined) url.searchParams.append(name, String(one))
    }
  }
  return { url, template: baseUrl === undefined ? undefined : templateOf(path) }
}

/** Throws TF_OUTBOUND_URL unless it is a whole http(s) URL. */
export function wholeUrl(client: string, text: string): URL {
  if (!URL.canParse(text)) throw OutboundUrl({ client, problem: 'it is not a whole URL' })
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw OutboundUrl({ client, problem: `'${url.protocol}' is neither http: nor https:` })
  if (url.username || url.password) throw OutboundUrl({ client, problem: 'it has a user or password in it' })
  return url
}

/** What a client without `baseUrl` says about a URL before it is called: for those that users give, which are called later.
 *  Names are not resolved: that happens with each call. Throws TF_OUTBOUND_URL or TF_OUTBOUND_PRIVATE. */
export function checkPublic(client: string, text: string, allowPrivate: boolean | readonly string[] = false): URL {
  const url = wholeUrl(client, text)
  createGuard(allowPrivate)?.check(url.hostname)
  return url
}

function below(client: string, baseUrl: string, path: string): URL {
  if (!path.startsWith('/')) throw OutboundUrl({ client, problem: `the path '${path}' does not begin with /` })
  const base = new URL(baseUrl)
  const root = base.pathname.replace(/\/$/, '')
  const url = new URL(`${base.origin}${root}${path}`)
  // `/../admin` and `//other.host` are paths, too.
  if (url.origin !== base.origin || !`${url.pathname}/`.startsWith(`${root}/`))
    throw OutboundUrl({ client, problem: `the path leads out of ${base.origin}${root}` })
  return url
}

function segment(client: string, name: string, value: string | number | undefined): string {
  if (value === undefined) throw OutboundUrl({ client, problem: `the path asks for '${name}', which is not in params` })
  const text = encodeURIComponent(value)
  if (text === '' || text === '.' || text === '..')
    throw OutboundUrl({ client, problem: `'${text}' cannot be the '${name}' of a path` })
  return text
}

/** Ids that were written into the path itself would make a series of each. */
function templateOf(path: string): string {
  return path.replace(/\?.*$/s, '').replace(/(?<=\/)(?!:|v\d+(?:\/|$))[^/]*\d[^/]*/g, ':id')
}
