/** Resolves when the process is asked to end: by Ctrl-C, SIGTERM, a closed terminal, or the end of a parent that speaks
 *  with it over a channel. A second time ends it at once. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    const stop = (): void => {
      if (asked) process.exit(130)
      asked = true
      resolve()
    }
    process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop)
    process.once('disconnect', () => asked || stop())
    process.channel?.unref()
  })
}
