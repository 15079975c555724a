/** Opens a socket, and again when it is lost. `on` hears `ready`, `message`, `gap`, `error` and `closed`. */
export function opener({ baseUrl, fetch, credentials, headersOf }) {
  // After these the server does not want to see us again: what we sent was wrong, or who we are.
  const isFinal = (code) =>
    code < 1001 || code === 1002 || code === 1003 || (code >= 1007 && code <= 1009) || code >= 4000
  return function open(route, { params = {}, query = {}, signal } = {}, on = {}) {
    const url = new URL(baseUrl + pathOf(route.slice(4), params) + searchOf(query), globalThis.location?.href)
    const waiting = []
    let ws, last, timer
    let tries = 0
    let over = false

    const end = (closing) => {
      if (over) return
      over = true
      clearTimeout(timer)
      on.closed?.(closing)
    }
    // Spread, so that not all who lost the same server come back at the same moment.
    const again = () => (timer = setTimeout(start, Math.min(30_000, 500 * 2 ** tries++) * (0.5 + Math.random())))

    /** A browser does not say why a socket could not be opened: the answer to a plain request does. */
    async function refused(headers) {
      const stop = new AbortController()
      const answer = await fetch(url, { headers, credentials, signal: stop.signal }).catch(() => undefined)
      const { status = 0 } = answer ?? {}
      const problem = status >= 400 && status < 500 ? await answer.json().catch(() => ({})) : {}
      stop.abort()
      if (over) return
      if (status >= 400 && status < 500 && ![408, 426, 429].includes(status))
        end({ code: 4000 + status, reason: problem.code ?? '' })
      else again()
    }

    async function start() {
      const headers = await headersOf().catch(() => undefined)
      if (over) return
      if (!headers) return again()
      const bearer = /^bearer (.+)/i.exec(headers.authorization ?? '')?.[1]
      const protocols = ['tenfold.v1', last && `tenfold.after.${last}`, bearer && `tenfold.bearer.${bearer}`]
      const address = new URL(url)
      address.protocol = url.protocol.replace('http', 'ws')
      let opened = false
      ws = new WebSocket(address, protocols.filter(Boolean))
      ws.onopen = () => {
        opened = true
        for (const text of waiting.splice(0)) ws.send(text)
      }
      ws.onmessage = ({ data: text }) => {
        const { id, data, event, error } = JSON.parse(text)
        tries = 0
        if (id) last = id
        if (event) on[event]?.()
        else if (error) on.error?.(new ProblemError(error, error.status))
        else on.message?.(data)
      }
      ws.onclose = ({ code, reason }) => {
        if (over) return
        if (!opened) void refused(headers)
        else if (isFinal(code)) end({ code, reason })
        else again()
      }
    }
    const close = (code = 1000, reason = '') => {
      end({ code, reason })
      ws?.close(code, reason)
    }
    signal?.addEventListener('abort', () => close())
    if (signal?.aborted) close()
    else void start()
    return {
      close,
      /** Sent once it is open; what was given to a connection that is lost then may be lost with it. */
      send(message) {
        const text = JSON.stringify(message)
        if (ws?.readyState === 1) ws.send(text)
        else if (waiting.length < 100) waiting.push(text)
        else throw new Error('Too many messages wait for the connection.')
      },
    }
  }
}
