/** A scenario from an HTTP archive (HAR 1.2), as browsers save it from their network panel. */
import { ScenarioInvalid } from './errors.ts'
import type { RequestStep, Scenario } from './scenario.ts'

interface Entry {
  request?: {
    method?: string
    url?: string
    headers?: { name: string; value: string }[]
    postData?: { mimeType?: string; text?: string }
  }
  response?: { content?: { mimeType?: string } }
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
  const steps = entries.flatMap(({ request }, i): RequestStep[] => {
    const url = urls[i]
    if (!request || !url || url.host !== host || PICTURES.test(url.pathname)) return []
    const kept = (request.headers ?? []).filter(({ name }) => !LEFT_OUT.test(name))
    return [
      {
        request: `${request.method ?? 'GET'} ${url.pathname}${url.search}`,
        headers: Object.fromEntries(kept.map(({ name, value }) => [name, value])),
        ...(request.postData?.text !== undefined && { text: request.postData.text }),
      },
    ]
  })
  return { steps }
}
