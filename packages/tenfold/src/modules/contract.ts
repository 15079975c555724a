/** A module's contract: the shapes that other modules may know. It lives in `contract.ts`, the one file of a module that
 *  others import; it holds no code, so importing it pulls nothing in. */
import type { AnySchema, InputOf, OutputOf } from '../kernel/index.ts'

export interface Method<Input extends AnySchema = AnySchema, Output extends AnySchema = AnySchema> {
  input: Input
  output: Output
  /** Safe to send twice, so a remote call of it may be retried. Defaults to false. */
  idempotent?: boolean
  /** One call for many inputs: callers go on giving one, and the calls of one tick become one. The code behind it is given
   *  `inputs` and returns one output for each, in their order. Defaults to one by one. */
  batch?: true
}

export type Methods = Record<string, Method>
export type EventSchemas = Record<string, AnySchema>

/** The shape of an event, as its subscribers know it. */
export interface EventShape<Module extends string = string, Payload extends AnySchema = AnySchema> {
  readonly module: Module
  /** `<module>.<event>`: permanent, stored with every event. */
  readonly name: string
  readonly payload: Payload
}

export interface Contract<
  Name extends string = string,
  M extends Methods = Methods,
  E extends EventSchemas = EventSchemas,
> {
  readonly name: Name
  readonly methods: M
  readonly events: { readonly [K in keyof E]: EventShape<Name, E[K]> }
}

export type AnyContract = Contract<string, Methods, EventSchemas>

/** Declares what other modules may call and listen to.
 *  @example
 *  export const billing = contract('billing', {
 *    charge: { input: Charge, output: Receipt },
 *  }, { refunded: Refund })
 *  // in orders:         await call.billing.charge({ … })
 *  // in notifications:  m.on(billing.events.refunded, 'mail-refund', { … }) */
export function contract<Name extends string, const M extends Methods, const E extends EventSchemas = {}>(
  name: Name,
  methods: M,
  events?: E,
): Contract<Name, M, E> {
  const shapes = Object.entries(events ?? {}).map(([event, payload]) => [
    event,
    { module: name, name: `${name}.${event}`, payload },
  ])
  return { name, methods, events: Object.fromEntries(shapes) }
}

/** The calls that a module may make: `call.<module>.<method>(input)`. */
export type Calls<Uses extends Record<string, AnyContract>> = {
  readonly [Module in keyof Uses]: {
    readonly [M in keyof Uses[Module]['methods']]: Call<Uses[Module]['methods'][M]>
  }
}

type Call<M extends Method> = M extends { batch: true }
  ? BatchCall<InputOf<M['input']>, OutputOf<M['output']>>
  : (input: InputOf<M['input']>) => Promise<OutputOf<M['output']>>

/** A method with `batch: true`. */
export interface BatchCall<Input, Output> {
  (input: Input): Promise<Output>
  /** In the order of `inputs`. */
  many(inputs: readonly Input[]): Promise<Output[]>
}
