import { OutboundSetting } from './errors.ts'

/** Runs `call` for each input, at most `atOnce` (8) at a time; results in the order of the inputs. The first failure ends it:
 *  nothing further begins, and the others' `signal` aborts. Catch inside `call` to go on.
 *  @example
 *  const pages = await all(urls, (url, signal) => web.request('GET', url, { signal }), { atOnce: 10 }) */
export async function all<Input, Output>(
  inputs: Iterable<Input>,
  call: (input: Input, signal: AbortSignal) => Promise<Output>,
  { atOnce = 8, signal }: { atOnce?: number; signal?: AbortSignal } = {},
): Promise<Output[]> {
  if (!Number.isInteger(atOnce) || atOnce < 1) {
    throw OutboundSetting({ client: 'all', problem: `atOnce is ${atOnce} and must be a whole number from 1 on` })
  }
  const ending = new AbortController()
  const own = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal
  const outputs: Output[] = []
  const rest = [...inputs].entries()
  const runner = async (): Promise<void> => {
    for (const [at, input] of rest) {
      own.throwIfAborted()
      outputs[at] = await call(input, own)
    }
  }
  const runners = Array.from({ length: atOnce }, runner)
  try {
    await Promise.all(runners)
    return outputs
  } catch (error) {
    ending.abort(error)
    await Promise.allSettled(runners)
    throw error
  }
}
