/** A scenario from an HTTP archive (HAR 1.2), as browsers save it from their network panel and `tenfold record` writes it. */
import { ScenarioInvalid } from './errors.ts'
import type { Scenario, Step } from './scenario.ts'

interface Entry {
  startedDateTime?: string
  request?: {
    method?: string
    url?: string
    headers?: { name: string; value: string }[]
    postData?: { mimeType?: string; text?: string }
  }
  response?: { content?: { mimeType?: string } }
  /** Who asks, and what later requests need: written by `tenfold record`. */
  _user?: string
  _save?: Record<string, string>
  /** Written by browsers and by `tenfold record`. */
  _resourceType?: string
  _webSocketMessages?: { type: string; time?: number; opcode?: number; data?: string }[]
}

/** Cookies are left to the scenario's own jar; what the transport adds, to the transport. */
const LEFT_OUT =
  /^(:|cookie$|host$|connection$|content-length$|accept-encoding$|origin$|referer$|sec-|if-|upgrade|user-agent$)/i
const PICTURES = /\.(png|jpe?g|gif|svg|ico|webp|woff2?|css|map)$/i

/** Requests to the first host in the archive, without its pictures, fonts and styles. */
export function scenarioFromHar(given: unknown, source: string): Scenario {
  const entries = (given as { log?: { entries?: Entry[] } } | null)?.log?.entries
  if (!Array.isArray(entries))
    throw ScenarioInvalid({ source, problems: ['it is no HTTP archive: log.entries is missing'] })
  const urls = entries.map(({ request }) => (URL.canParse(request?.url ?? '') ? new URL(request!.url!) : undefined))
  const host = urls.find((url) => url !== undefined)?.host
  const timed = entries.flatMap((entry, i): Timed[] => {
    const url = urls[i]
    if (!entry.request || !url || url.host !== host || PICTURES.test(url.pathname)) return []
    return stepsOf(entry, withVariables(url.pathname + url.search), `stream-${i + 1}`)
  })
  // What is said over a socket belongs between the requests of its time; all else stays as it is written.
  const said = timed.filter(({ at }) => at !== undefined)
  const steps = timed.filter(({ at }) => at === undefined)
  for (const one of said) {
    const after = steps.findLastIndex(({ began }) => began <= one.at!)
    steps.splice(
      Math.max(
        after,
        steps.findIndex(({ step }) => 'listen' in step && step.as === nameIn(one.step)),
      ) + 1,
      0,
      {
        ...one,
        began: one.at!,
      },
    )
  }
  return { steps: steps.map(({ step }) => step) }
}

interface Timed {
  step: Step
  /** Milliseconds since 1970; 0 when that is not known. */
  began: number
  /** When it was said over a socket. */
  at?: number
}

function stepsOf({ request, response, startedDateTime, ...entry }: Entry, path: string, name: string): Timed[] {
  const began = Date.parse(startedDateTime ?? '') || 0
  const user = entry._user === undefined ? {} : { user: entry._user }
  if (entry._resourceType === 'websocket') {
    const said = (entry._webSocketMessages ?? []).filter(({ type, opcode = 1 }) => type === 'send' && opcode === 1)
    return [
      { step: { listen: `WS ${path}`, as: name, ...user }, began },
      ...said.map(({ data = '', time = 0 }) => ({ step: { send: name, message: data }, began, at: time * 1000 })),
    ]
  }
  if (/event-stream/.test(response?.content?.mimeType ?? ''))
    return [{ step: { listen: `GET ${path}`, as: name, ...user }, began }]
  const kept = (request!.headers ?? []).filter(({ name: header }) => !LEFT_OUT.test(header))
  return [
    {
      began,
      step: {
        request: `${request!.method ?? 'GET'} ${path}`,
        ...user,
        headers: Object.fromEntries(kept.map(({ name: header, value }) => [header, value])),
        ...(request!.postData?.text !== undefined && { text: request!.postData.text }),
        ...(entry._save && { save: entry._save }),
      },
    },
  ]
}

function nameIn(step: Step): string {
  return 'send' in step ? step.send : ''
}

/** In a URL, braces are encoded. */
function withVariables(url: string): string {
  return url.replaceAll(/%7B%7B(\w+)%7D%7D/gi, '{{$1}}')
}
