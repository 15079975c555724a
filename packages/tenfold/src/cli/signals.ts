/** A Ctrl-C can arrive twice: from the terminal, and from npm, which hands it on. */
const SAME_KEYPRESS_MS = 1000

/** Resolves when the process is asked to end: by Ctrl-C, SIGTERM, a closed terminal, or the end of a parent that speaks
 *  with it over a channel. Asked again a second later or more, by Ctrl-C or SIGTERM, the process ends at once.
 *  With `onHangup`, SIGHUP means that instead, as it does for services; from a terminal it still means that it was closed. */
export function stopSignal(onHangup?: () => void): Promise<void> {
  return new Promise((resolve) => {
    let askedAt: number | undefined
    const stop = (): void => {
      askedAt ??= performance.now()
      resolve()
    }
    const insist = (): void => {
      if (askedAt !== undefined && performance.now() - askedAt > SAME_KEYPRESS_MS) process.exit(130)
      stop()
    }
    const hangup = onHangup && process.stdin.isTTY !== true ? onHangup : stop
    process.on('SIGINT', insist).on('SIGTERM', insist).on('SIGHUP', hangup)
    process.once('disconnect', stop)
    process.channel?.unref()
  })
}
