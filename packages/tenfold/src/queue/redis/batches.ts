/** Gathers jobs of one name until there are as many as a batch may hold, or the first has waited long enough. */
export interface Gatherer<Job, Ended> {
  /** Resolves with what became of this job; `undefined` if it was not begun. */
  add(job: Job): Promise<Ended | undefined>
  /** Begins nothing more. */
  close(): void
}

export function createGatherer<Job, Ended>(
  { size, waitMs }: { size: number; waitMs: number },
  begin: (jobs: readonly Job[]) => Promise<readonly Promise<Ended>[] | undefined>,
): Gatherer<Job, Ended> {
  let waiting: { job: Job; resolve: (ended: Ended | undefined | Promise<Ended>) => void }[] = []
  let timer: NodeJS.Timeout | undefined

  const take = async (): Promise<void> => {
    clearTimeout(timer)
    const taken = waiting
    waiting = []
    const begun = await begin(taken.map(({ job }) => job))
    taken.forEach(({ resolve }, i) => resolve(begun?.[i]))
  }

  return {
    add(job) {
      return new Promise((resolve) => {
        waiting.push({ job, resolve })
        if (waiting.length === 1) timer = setTimeout(() => void take(), waitMs)
        if (waiting.length >= size) void take()
      })
    },
    close() {
      clearTimeout(timer)
      for (const { resolve } of waiting.splice(0)) resolve(undefined)
    },
  }
}
