/** Calls from one module to another through a contract. The same on one process and on fifty: what goes over is JSON, both
 *  sides are checked, and the callee runs in its own module with its own database role, here or on another host. */
import { validate } from '../kernel/index.ts'
import type { RepeatWatch } from '../database/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { ImplementationDefinition, Method, Module } from '../modules/index.ts'
import { BatchLength, CallInvalid } from './errors.ts'
import { createJoin, type Join } from './join.ts'
import type { RemoteModule } from './remote/caller.ts'
import { errorFromWire, type Outcome } from './remote/wire.ts'

type Run = (context: object) => Promise<unknown>
type Call = ((input: unknown) => Promise<unknown>) & { many?: (inputs: readonly unknown[]) => Promise<unknown[]> }

export interface Calling {
  telemetry: Telemetry
  /** Sees calls in a loop. */
  watch: RepeatWatch | undefined
  /** Of the caller: whatever is called ends with it. */
  signal: AbortSignal
  contextOf(module: string): object
  /** Undefined for a module that runs here. */
  remoteOf(module: string): RemoteModule | undefined
}

/** A method and the code behind it. */
export interface Callee {
  callee: string
  /** `catalog.product` */
  name: string
  method: Method
  run: Run
}

interface Called extends Callee {
  caller: string
}

export function callsOf(module: Module, modules: readonly Module[], calling: Calling): unknown {
  const calls = Object.entries(module.uses).map(([key, contract]) => {
    const owner = modules.find((other) => other.name === contract.name)
    const implementation = owner && implementationOf(owner)
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

export function implementationOf(module: Module): ImplementationDefinition | undefined {
  return module.parts.find((part) => part.kind === 'implementation')
}

function singleCall(called: Called, calling: Calling): Call {
  const remote = calling.remoteOf(called.callee)
  return (input) => {
    const size: Size = { bytes: 0 }
    return traced(called, calling, input, {}, size, async () => {
      const output = remote
        ? outputOf((await ask(remote, called, calling, [input], size))[0])
        : await runOne(called, calling, input, size)
      return arrived(called, 'output', output, size)
    })
  }
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
  const input = (one: unknown): Promise<unknown> => join.ask(one)
  return Object.assign(input, { many: (inputs: readonly unknown[]) => Promise.all(inputs.map(input)) })
}

function answers(called: Called, calling: Calling, inputs: unknown[]): Promise<unknown>[] {
  const size: Size = { bytes: 0 }
  const together = <T>(good: readonly unknown[], run: () => Promise<T>): Promise<T> =>
    traced(called, calling, good.length === 1 ? good[0] : good, { 'tenfold.batch.size': good.length }, size, run)
  const remote = calling.remoteOf(called.callee)
  const outputs = remote
    ? askMany(
        together(inputs, () => ask(remote, called, calling, inputs, size)),
        inputs,
      )
    : runBatch(called, calling, inputs, size, together)
  return outputs.map(async (output) => arrived(called, 'output', await output, size))
}

function askMany(asked: Promise<Outcome[]>, inputs: readonly unknown[]): Promise<unknown>[] {
  return inputs.map(async (_input, i) => outputOf((await asked)[i]))
}

function ask(
  remote: RemoteModule,
  { name, caller, method }: Called,
  { signal }: Calling,
  inputs: readonly unknown[],
  size: Size,
): Promise<Outcome[]> {
  const sent = inputs.map((input) => overTheWire(input, size))
  return remote.ask({ name, caller, idempotent: method.idempotent === true, inputs: sent, signal })
}

function outputOf(outcome: Outcome | undefined): unknown {
  if (outcome && 'error' in outcome) throw errorFromWire(outcome.error)
  return outcome?.output
}

/** Runs the code of a method; what it gives is checked by whoever asked. */
export async function runOne(called: Callee, calling: Calling, input: unknown, size?: Size): Promise<unknown> {
  const given = await arrived(called, 'input', input, size)
  calling.watch?.given(`the input of ${called.name}`, given)
  return called.run(Object.assign(calling.contextOf(called.callee), { input: given }))
}

/** The same for several inputs: those that fit run together, each of the others fails on its own. */
export function runBatch(
  called: Callee,
  calling: Calling,
  inputs: readonly unknown[],
  size?: Size,
  together: (good: readonly unknown[], run: () => Promise<unknown>) => Promise<unknown> = (_good, run) => run(),
): Promise<unknown>[] {
  const { callee, name, run } = called
  const checked = inputs.map((input) => arrived(called, 'input', input, size))
  const outputs = Promise.allSettled(checked).then(async (settled) => {
    const good = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    if (good.length === 0) return []
    calling.watch?.given(`the inputs of ${name}`, good)
    const given = await together(good, () => run(Object.assign(calling.contextOf(callee), { inputs: good })))
    if (!Array.isArray(given) || given.length !== good.length) {
      throw BatchLength({ call: name, inputs: good.length, outputs: Array.isArray(given) ? given.length : undefined })
    }
    let at = 0
    return settled.map((one) => (one.status === 'fulfilled' ? (given[at++] as unknown) : undefined))
  })
  return checked.map(async (input, i) => {
    await input
    return (await outputs)[i]
  })
}

function traced<T>(
  { caller, name }: Called,
  { telemetry, watch }: Calling,
  input: unknown,
  attributes: Record<string, number>,
  size: Size,
  run: () => Promise<T>,
): Promise<T> {
  // Before anything is awaited: the caller is still on the stack.
  const occurrence = watch?.beginCall(caller, name, input)
  return telemetry.span('call', name, { 'tenfold.caller': caller, ...attributes }, async (span) => {
    const output = await run()
    span.set('tenfold.call.bytes', size.bytes)
    if (occurrence) watch!.end(occurrence, Array.isArray(output) ? output : [output])
    return output
  })
}

/** Of all that went over in one call, both ways. */
interface Size {
  bytes: number
}

async function arrived(
  { name, method }: Callee,
  side: 'input' | 'output',
  given: unknown,
  size?: Size,
): Promise<unknown> {
  const result = await validate(method[side], overTheWire(given, size))
  if (!result.ok) throw CallInvalid({ call: name, side, issues: result.issues })
  return result.value
}

/** A value as it would arrive on the other side of a connection. */
function overTheWire(value: unknown, size?: Size): unknown {
  if (value === undefined) return undefined
  const text = JSON.stringify(value)
  if (size) size.bytes += text.length
  return JSON.parse(text) as unknown
}
