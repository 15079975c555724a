/** Sends what is asked for while one statement is under way together in the next one. */
export function gather<Input, Output>(
  run: (inputs: Input[]) => Promise<readonly Output[]>,
): (input: Input) => Promise<Output> {
  const waiting: { input: Input; answer: PromiseWithResolvers<Output> }[] = []
  let running = false

  const runAll = async (): Promise<void> => {
    running = true
    await new Promise((resolve) => void setImmediate(resolve))
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MAX_AT_ONCE)
      try {
        const outputs = await run(batch.map(({ input }) => input))
        batch.forEach(({ answer }, i) => answer.resolve(outputs[i] as Output))
      } catch (error) {
        for (const { answer } of batch) answer.reject(error)
      }
    }
    running = false
  }

  return (input) => {
    const answer = Promise.withResolvers<Output>()
    waiting.push({ input, answer })
    if (!running) void runAll()
    return answer.promise
  }
}

const MAX_AT_ONCE = 500
