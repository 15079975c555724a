/** What `fn` gives; undefined when it throws: what goes wrong in recording must not keep the app from its answer. */
export function attempt<T>(fn: () => T): T | undefined {
  try {
    return fn()
  } catch {
    return undefined
  }
}
