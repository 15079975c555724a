/** What the server answered in place of a reply. `code` is permanent, `issues` names the fields that are not valid. */
export class ProblemError extends Error {
  constructor(problem, status) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`)
    this.name = 'ProblemError'
    this.code = problem.code ?? `HTTP_${status}`
    this.status = status
    this.issues = problem.errors ?? []
    this.requestId = problem.instance
  }
}

export function createClient({
  baseUrl = '',
  fetch = globalThis.fetch,
  headers: always = {},
  credentials = 'same-origin',
} = {}) {
  // Where the database was after our last write: whichever instance answers next has to know of it.
  let position
  const headersOf = async () => (typeof always === 'function' ? await always() : always)
  async function call(route, { params = {}, query = {}, body, headers = {}, signal } = {}) {
    const space = route.indexOf(' ')
    const all = await headersOf()
    const sent = { accept: 'application/json', ...(position && { 'x-tenfold-position': position }), ...all, ...headers }
    const init = { method: route.slice(0, space), headers: sent, credentials, signal }
    if (body !== undefined && RAW.has(route)) {
      init.body = body
      if (typeof ReadableStream === 'function' && body instanceof ReadableStream) init.duplex = 'half'
    } else if (body !== undefined) {
      init.body = JSON.stringify(body)
      sent['content-type'] = 'application/json'
    }
    const response = await fetch(baseUrl + pathOf(route.slice(space + 1), params) + searchOf(query), init)
    position = response.headers.get('x-tenfold-position') ?? position
    const type = response.headers.get('content-type') ?? ''
    const isJson = /^application\/([\w.-]+\+)?json\b/.test(type)
    if (!response.ok) throw new ProblemError(isJson ? await response.json().catch(() => ({})) : {}, response.status)
    if (response.status === 204 || response.headers.get('content-length') === '0') return undefined
    return isJson ? await response.json() : response
  }
  // SOCKETS
  return call
}

function pathOf(template, params) {
  return template.replace(/:(\w+)|\*$/g, (_, name = '*') => {
    const value = params[name]
    if (value === undefined || value === null || value === '') throw new TypeError(`The path needs '${name}'.`)
    return name === '*' ? String(value).split('/').map(encodeURIComponent).join('/') : encodeURIComponent(String(value))
  })
}

function searchOf(query) {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined && item !== null)
        search.append(name, item instanceof Date ? item.toISOString() : String(item))
    }
  }
  const text = search.toString()
  return text && `?${text}`
}
