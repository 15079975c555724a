/** Calls from one module to another through a contract. The same on one process and on fifty: what goes over is JSON, both
 *  sides are checked, and the callee runs in its own module with its own database role. */
import { validate } from '../kernel/index.ts'
import type { RepeatWatch } from '../database/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Method, Module } from '../modules/index.ts'
import { BatchLength, CallInvalid } from './errors.ts'
import { createJoin, type Join } from './join.ts'

type Run = (context: object) => Promise<unknown>
type Call = ((input: unknown) => Promise<unknown>) & { many?: (inputs: readonly unknown[]) => Promise<unknown[]> }

export interface Calling {
  telemetry: Telemetry
  /** Sees calls in a loop. */
  watch: RepeatWatch | undefined
  contextOf(module: string): object
}

export function callsOf(module: Module, modules: readonly Module[], calling: Calling): unknown {
  const calls = Object.entries(module.uses).map(([key, contract]) => {
    const owner = modules.find((other) => other.name === contract.name)
    const implementation = owner?.parts.find((part) => part.kind === 'implementation')
    const methods = Object.entries(contract.methods).map(([name, method]) => {
      const run: Run = (context) => (implementation!.methods[name] as Run)(context)
      const called: Called = {
        caller: module.name,
        callee: contract.name,
        name: `${contract.name}.${name}`,
        method,
        run,
      }
      return [name, method.batch ? batchCall(called, calling) : singleCall(called, calling)]
    })
    return [key, Object.fromEntries(methods)]
  })
  return Object.fromEntries(calls)
}

interface Called {
  caller: string
  callee: string
  /** `catalog.product` */
  name: string
  method: Method
  run: Run
}

function singleCall(called: Called, calling: Calling): Call {
  const { callee, run } = called
  return (input) =>
    traced(called, calling, input, {}, async () => {
      const given = await arrived(called, 'input', input)
      calling.watch?.given(`the input of ${called.name}`, given)
      return arrived(called, 'output', await run(Object.assign(calling.contextOf(callee), { input: given })))
    })
}

const JOINS = Symbol('tenfold.calls')
const MOST_INPUTS = 1000

/** Inputs of one tick go over together; each has an outcome of its own. */
function batchCall(called: Called, calling: Calling): Call {
  const slots = calling.telemetry.current()?.slots ?? new Map<symbol, unknown>()
  const joins = (slots.get(JOINS) as Map<string, Join<unknown, unknown>> | undefined) ?? new Map()
  slots.set(JOINS, joins)
  const key = `${called.caller} ${called.name}`
  let join = joins.get(key)
  if (!join) joins.set(key, (join = createJoin((inputs) => answers(called, calling, inputs), MOST_INPUTS)))
  const ask = (input: unknown): Promise<unknown> => join.ask(input)
  return Object.assign(ask, { many: (inputs: readonly unknown[]) => Promise.all(inputs.map(ask)) })
}

function answers(called: Called, calling: Calling, inputs: unknown[]): Promise<unknown>[] {
  const { callee, name, run } = called
  const checked = inputs.map((input) => arrived(called, 'input', input))
  const outputs = Promise.allSettled(checked).then(async (settled) => {
    const good = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    if (good.length === 0) return []
    const seen = good.length === 1 ? good[0] : good
    calling.watch?.given(`the inputs of ${name}`, good)
    const given = await traced(called, calling, seen, { 'tenfold.batch.size': good.length }, () =>
      run(Object.assign(calling.contextOf(callee), { inputs: good })),
    )
    if (!Array.isArray(given) || given.length !== good.length) {
      throw BatchLength({ call: name, inputs: good.length, outputs: Array.isArray(given) ? given.length : undefined })
    }
    let at = 0
    return settled.map((one) => (one.status === 'fulfilled' ? (given[at++] as unknown) : undefined))
  })
  return checked.map(async (input, i) => {
    await input
    return arrived(called, 'output', (await outputs)[i])
  })
}

function traced(
  { caller, name }: Called,
  { telemetry, watch }: Calling,
  input: unknown,
  attributes: Record<string, number>,
  run: () => Promise<unknown>,
): Promise<unknown> {
  // Before anything is awaited: the caller is still on the stack.
  const occurrence = watch?.beginCall(caller, name, input)
  return telemetry.span('call', name, { 'tenfold.caller': caller, ...attributes }, async () => {
    const output = await run()
    if (occurrence) watch!.end(occurrence, Array.isArray(output) ? output : [output])
    return output
  })
}

async function arrived({ name, method }: Called, side: 'input' | 'output', given: unknown): Promise<unknown> {
  const result = await validate(method[side], overTheWire(given))
  if (!result.ok) throw CallInvalid({ call: name, side, issues: result.issues })
  return result.value
}

/** A value as it would arrive on the other side of a connection. */
function overTheWire(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}
