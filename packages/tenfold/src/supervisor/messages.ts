/** What a supervisor and its processes say to each other, and the process's end of it. */

/** What a process tells when it can be used. */
export interface Ready {
  url?: string | undefined
  consoleUrl?: string | undefined
  /** Whether it applied the very first migration. */
  newDatabase: boolean
}

export type FromProcess = { tenfold: 'ready'; ready: Ready }
export type ToProcess = { tenfold: 'retire' }

/** The sockets of a process by what it serves on them; `TENFOLD_SOCKETS=web=3,console=4` in its environment. */
export type SocketUse = 'web' | 'console' | 'metrics'

export interface Supervised {
  /** `web-1`; in logs and in the console. */
  readonly name: string
  readonly sockets: Readonly<Partial<Record<SocketUse, number>>>
  ready(ready: Ready): void
  /** Resolves when a successor has taken over: what runs is to be finished, and nothing new to be accepted. */
  readonly retired: Promise<void>
}

/** The supervisor that started this process; undefined when nobody did. Takes its variables out of the environment, since
 *  they are not for processes that this one starts.
 *  @example
 *  const supervised = supervisedBy(process)
 *  supervised?.ready({ url, newDatabase: false }) */
export function supervisedBy(self: NodeJS.Process): Supervised | undefined {
  const { TENFOLD_INSTANCE: name, TENFOLD_SOCKETS: list = '' } = self.env
  delete self.env.TENFOLD_INSTANCE
  delete self.env.TENFOLD_SOCKETS
  if (!name || !self.send) return undefined
  const { promise: retired, resolve } = Promise.withResolvers<void>()
  self.on('message', (message: ToProcess) => {
    if (message?.tenfold === 'retire') resolve()
  })
  // A process that failed to start has nothing else to wait for.
  self.channel?.unref()
  return {
    name,
    sockets: Object.fromEntries(
      list
        .split(',')
        .filter(Boolean)
        .map((one) => one.split('='))
        .map(([use, fd]) => [use, Number(fd)]),
    ),
    ready: (ready) => void self.send!({ tenfold: 'ready', ready } satisfies FromProcess),
    retired,
  }
}

export function variablesFor(name: string, sockets: readonly SocketUse[]): Record<string, string> {
  return {
    TENFOLD_INSTANCE: name,
    TENFOLD_SOCKETS: sockets.map((use, i) => `${use}=${FIRST_SOCKET + i}`).join(','),
  }
}

/** After standard input, output and error; the channel comes behind the sockets. */
const FIRST_SOCKET = 3
