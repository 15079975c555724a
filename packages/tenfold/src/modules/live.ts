import type { AnyTx } from '../database/index.ts'
import type { HttpRequest } from '../http/index.ts'
import type { AnySchema, InputOf, Reply } from '../kernel/index.ts'
import { currentScope } from './scope.ts'

export interface LiveOptions<Message extends AnySchema> {
  /** Checked when it is published. */
  message: Message
}

/** Messages to those who look at something at the moment, whatever instance they are connected to. Not kept: who comes later
 *  asks for the present state, and then follows. */
export interface LiveDefinition<Module extends string = string, Message = never> {
  readonly kind: 'live'
  readonly module: Module
  /** `<module>.<name>` */
  readonly name: string
  readonly options: LiveOptions<AnySchema>
  /** Sends to all who follow this key. With `tx`: if and only if the transaction commits. At most 256 kB of JSON.
   *  @example
   *  await orderLive.publish(order.id, { status: 'paid' }, { tx }) */
  publish(key: string, message: Message, within?: { tx?: AnyTx }): Promise<void>
  /** The answer of a route: the messages of this key from now on, as server-sent events, or over a WebSocket for a client
   *  that opens one at the same address. Whether the user may see them, the
   *  route has decided before. A browser that comes back gets what it has missed, if that was lately, or the event `gap`.
   *  @example
   *  m.route('GET /orders/:id/live', { auth: 'user', async handler({ params, user, db, request }) {
   *    await assertMine(db, params.id, user)
   *    return orderLive.follow(params.id, request)
   *  } }) */
  follow(key: string, request: Pick<HttpRequest, 'headers'>): Promise<Reply>
}

export function liveDefinition<Module extends string, Message extends AnySchema>(
  module: Module,
  name: string,
  options: LiveOptions<Message>,
): LiveDefinition<Module, InputOf<Message>> {
  const definition: LiveDefinition<Module, InputOf<Message>> = {
    kind: 'live',
    module,
    name: `${module}.${name}`,
    options,
    publish: (key, message, { tx } = {}) =>
      currentScope(`publish of ${definition.name}`).broadcast(definition, key, message, tx),
    follow: (key, request) => currentScope(`follow of ${definition.name}`).follow(definition, key, request.headers),
  }
  return definition
}
