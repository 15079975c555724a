/** What was recorded as a scenario for `tenfold load`: each person is a flow. Text, to be read and changed. */
import type { Archive, Entry } from './archive.ts'

interface Step {
  /** The name under which it is counted: `GET /orders/:v1`. */
  route: string
  path: string
  headers?: Record<string, string>
  body?: string
  save?: Record<string, string>
}

/** Left to the visitor, who has cookies of its own, and to the transport. */
const LEFT_OUT =
  /^(:|cookie$|host$|connection$|content-length$|accept|origin$|referer$|sec-|if-|upgrade|user-agent$|cache-control$|pragma$|priority$|dnt$)/i

export function loadScript({ log }: Archive, name: string): string {
  const people = new Map<string, Step[]>()
  for (const entry of log.entries) {
    if (entry._resourceType === 'websocket' || /event-stream/.test(entry.response.content.mimeType)) continue
    people.set(entry._user, [...(people.get(entry._user) ?? []), stepOf(entry)])
  }
  return `import type { Scenario, Visitor } from 'tenfold/load'

/** Recorded by tenfold record. \`{{v1}}\` is what an answer before has given: see \`save\`. */
const PEOPLE: Record<string, Step[]> = ${JSON.stringify(Object.fromEntries(people), null, 2)}

interface Step {
  route: string
  path: string
  headers?: Record<string, string>
  body?: string
  save?: Record<string, string>
}

async function follow({ request }: Visitor, steps: readonly Step[]): Promise<void> {
  const known: Record<string, string> = {}
  const fill = (text: string): string => text.replaceAll(/\\{\\{(\\w+)\\}\\}/g, (all, name: string) => known[name] ?? all)
  for (const { route, path, headers = {}, body, save = {} } of steps) {
    const filled = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)]))
    const answer = await request(route, { path: fill(path), headers: filled, ...(body !== undefined && { body: fill(body) }) })
    for (const [name, from] of Object.entries(save)) known[name] = valueIn(answer.text, from) ?? ''
  }
}

/** \`user.id\` of JSON, or what \`text:…\` finds. */
function valueIn(text: string, from: string): string | undefined {
  if (from.startsWith('text:')) return new RegExp(from.slice(5)).exec(text)?.[1]
  try {
    const found = from.split('.').reduce((at: any, key) => at?.[key], JSON.parse(text))
    return found === undefined ? undefined : String(found)
  } catch {
    return undefined
  }
}

export default {
  name: ${JSON.stringify(name)},
  flows: Object.fromEntries(
    Object.entries(PEOPLE).map(([name, steps]) => [name, (visitor: Visitor) => follow(visitor, steps)]),
  ),
} satisfies Scenario
`
}

function stepOf({ request, _save }: Entry): Step {
  const { pathname, search } = new URL(request.url)
  const path = withVariables(pathname + search)
  const headers = request.headers.filter(({ name }) => !LEFT_OUT.test(name))
  return {
    route: `${request.method} ${withVariables(pathname).replaceAll(/\{\{(\w+)\}\}/g, ':$1')}`,
    path,
    ...(headers.length > 0 && { headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])) }),
    ...(request.postData && { body: request.postData.text }),
    ...(_save && { save: _save }),
  }
}

/** In a URL, braces are encoded. */
function withVariables(url: string): string {
  return url.replaceAll(/%7B%7B(\w+)%7D%7D/gi, '{{$1}}')
}
