/** The parts of an HTTP archive (HAR 1.2) that are written here. What begins with `_` is ours, as the format allows. */
export interface Pair {
  name: string
  value: string
}

export interface Entry {
  startedDateTime: string
  time: number
  request: {
    method: string
    url: string
    httpVersion: string
    cookies: Pair[]
    headers: Pair[]
    queryString: Pair[]
    postData?: { mimeType: string; text: string }
    headersSize: number
    bodySize: number
  }
  response: {
    status: number
    statusText: string
    httpVersion: string
    cookies: Pair[]
    headers: Pair[]
    content: { size: number; mimeType: string }
    redirectURL: string
    headersSize: number
    bodySize: number
  }
  cache: Record<string, never>
  timings: { send: number; wait: number; receive: number }
  /** Whose cookies were sent. */
  _user: string
  /** What later requests need of this answer, as a scenario of `tenfold twin` says it: `{ "v1": "user.id" }`. */
  _save?: Record<string, string>
  /** As browsers write it for WebSockets. */
  _resourceType?: 'websocket'
  _webSocketMessages?: { type: 'send'; time: number; opcode: 1; data: string }[]
}

export interface Archive {
  log: { version: '1.2'; creator: { name: string; version: string }; entries: Entry[] }
}

export function archiveOf(entries: Entry[], version: string): Archive {
  const inOrder = entries.toSorted((a, b) => (a.startedDateTime < b.startedDateTime ? -1 : 1))
  return { log: { version: '1.2', creator: { name: 'tenfold record', version }, entries: inOrder } }
}
