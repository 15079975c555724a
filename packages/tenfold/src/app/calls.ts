/** Calls from one module to another through a contract. The same on one process and on fifty: what goes over is JSON, both
 *  sides are checked, and the callee runs in its own module with its own database role. */
import { validate } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Method, Module } from '../modules/index.ts'
import { CallInvalid } from './errors.ts'

type Run = (input: unknown) => Promise<unknown>

export function callsOf(
  module: Module,
  modules: readonly Module[],
  telemetry: Telemetry,
  contextOf: (module: string) => object,
): unknown {
  const calls = Object.entries(module.uses).map(([key, contract]) => {
    const owner = modules.find((other) => other.name === contract.name)
    const implementation = owner?.parts.find((part) => part.kind === 'implementation')
    const methods = Object.entries(contract.methods).map(([name, method]) => {
      const run = implementation?.methods[name] as ((context: object) => Promise<unknown>) | undefined
      const call = checked(`${contract.name}.${name}`, method, (input) =>
        run!(Object.assign(contextOf(contract.name), { input })),
      )
      return [
        name,
        (input: unknown) =>
          telemetry.span('call', `${contract.name}.${name}`, { 'tenfold.caller': module.name }, () => call(input)),
      ]
    })
    return [key, Object.fromEntries(methods)]
  })
  return Object.fromEntries(calls)
}

function checked(call: string, method: Method, run: Run): Run {
  return async (given) => {
    const input = await validate(method.input, overTheWire(given))
    if (!input.ok) throw CallInvalid({ call, side: 'input', issues: input.issues })
    const output = await validate(method.output, overTheWire(await run(input.value)))
    if (!output.ok) throw CallInvalid({ call, side: 'output', issues: output.issues })
    return output.value
  }
}

/** A value as it would arrive on the other side of a connection. */
function overTheWire(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}
