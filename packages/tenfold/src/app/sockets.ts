/** Two-way sockets of modules: schemas on both sides, and the module's context for each message. */
import { webSocket, SocketInvalid, type HttpRequest, type Socket } from '../http/index.ts'
import { toMs, type Reply } from '../kernel/index.ts'
import { runInScope, type AnySocket, type LiveDefinition, type OpenSocket, type Scope } from '../modules/index.ts'
import type { ContextOf } from './contexts.ts'
import { LiveInvalid } from './errors.ts'
import { checked } from './jobs.ts'
import type { Live } from './live.ts'

interface SocketParts {
  scope: Scope
  live: Live
  contextOf: ContextOf
}

/** @param facts what the handler of the handshake was given: those of its fields that are of the request */
export function socketReply(
  module: string,
  socket: AnySocket,
  { params, query, user, session, request }: Facts,
  { scope, live, contextOf }: SocketParts,
): Reply {
  const { messageBytes, perSecond, idle } = socket.limits ?? {}
  const run = async (
    open: Socket,
    signal: AbortSignal,
    more: object,
    act: (context: object) => Promise<void> | void,
  ): Promise<void> =>
    runInScope(scope, async () => {
      scope.inherit({ signal, msLeft: () => Infinity })
      const facts = { params, query, user, session, request, socket: handleOf(open, socket, live), ...more }
      await act(Object.assign(contextOf(module, signal), facts))
    })

  return webSocket({
    limits: {
      ...(messageBytes !== undefined && { messageBytes }),
      ...(perSecond !== undefined && { perSecond }),
      ...(idle !== undefined && { idleMs: toMs(idle) }),
    },
    async opened(open) {
      if (socket.opened) await run(open, open.signal, {}, (context) => socket.opened!(context))
      await open.send('{"event":"ready"}')
    },
    async message(value, open, signal) {
      const message = await checked(socket.receive, value, (issues) => SocketInvalid({ issues: issues.slice(0, 50) }))
      await run(open, signal, { message }, (context) => socket.message(context))
    },
    async closed(closing, open) {
      const never = new AbortController().signal
      if (socket.closed) await run(open, never, { closing }, (context) => socket.closed!(context))
    },
  })
}

interface Facts {
  params?: unknown
  query?: unknown
  user?: unknown
  session?: unknown
  request: HttpRequest
}

function handleOf(open: Socket, { name, send }: AnySocket, live: Live): OpenSocket<unknown> {
  return {
    id: open.id,
    async send(message) {
      const data = await checked(send, message, (issues) => LiveInvalid({ live: name, issues }))
      await open.send(JSON.stringify({ data }))
    },
    follow: (followed: Pick<LiveDefinition<string, any>, 'name'>, key) => live.feed(`${followed.name}:${key}`, open),
    close: (code = 1000, reason = '') => open.close({ code, reason }),
  }
}
