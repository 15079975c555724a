/** Does together what is asked for at the same time: calls of one turn of the event loop, and all that come while `lanes` runs
 *  are under way, share the next run. Answers are in the order of the inputs; a run that fails fails for all of its callers.
 *  @param limits.lanes runs at the same time. Defaults to 1
 *  @param limits.most inputs of one run. Defaults to 500
 *  @example
 *  const nameOf = gather(async (ids: number[]) => namesOf(await db.query('…where id = any($1)', [ids])))
 *  await Promise.all([nameOf(1), nameOf(2)])            // one query */
export function gather<Input, Output>(
  run: (inputs: Input[]) => Promise<readonly Output[]>,
  { lanes = 1, most = 500 }: { lanes?: number; most?: number } = {},
): (input: Input) => Promise<Output> {
  const waiting: { input: Input; answer: PromiseWithResolvers<Output> }[] = []
  let running = 0
  let scheduled = false

  const runOne = async (): Promise<void> => {
    const batch = waiting.splice(0, most)
    running++
    try {
      const outputs = await run(batch.map(({ input }) => input))
      batch.forEach(({ answer }, i) => answer.resolve(outputs[i] as Output))
    } catch (error) {
      for (const { answer } of batch) answer.reject(error)
    }
    running--
    start()
  }
  const start = (): void => {
    scheduled = false
    while (waiting.length > 0 && running < lanes) void runOne()
  }

  return (input) => {
    const answer = Promise.withResolvers<Output>()
    waiting.push({ input, answer })
    if (!scheduled && running < lanes) {
      scheduled = true
      setImmediate(start)
    }
    return answer.promise
  }
}
