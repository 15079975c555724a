/** A client with a cookie jar, as a browser has one. */
export interface Answer<Body> {
  status: number
  headers: Headers
  /** JSON, or the text. */
  body: Body
}

export interface Visitor {
  /** Of a customer made by `shop.customer()`. */
  email: string
  get<Body = Problem>(path: string): Promise<Answer<Body>>
  post<Body = Problem>(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<Body>>
  send<Body = Problem>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>>
  /** The reply itself, its body not read. */
  open(path: string, init?: RequestInit): Promise<Response>
}

export interface Problem {
  id: string
  code: string
  detail: string
}

export function visitor(url: string): Visitor {
  const jar = new Map<string, string>()

  const open = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(new URL(path, url), {
      redirect: 'manual',
      ...init,
      headers: { ...(init.headers as Record<string, string>), ...(cookie && { cookie }) },
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '' || /max-age=0/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    return response
  }

  const send = async <Body>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const asJson = body !== undefined && !(body instanceof Uint8Array) && typeof body !== 'string'
    const response = await open(path, {
      method,
      headers: { ...(asJson && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: asJson ? JSON.stringify(body) : (body as Uint8Array<ArrayBuffer> | string) }),
    })
    const text = await response.text()
    const isJson = (response.headers.get('content-type') ?? '').includes('json')
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as Body }
  }

  return {
    email: '',
    open,
    send,
    get: (path) => send('GET', path),
    post: (path, body, headers) => send('POST', path, body, headers),
  }
}
