import type { LogDestination } from '../telemetry/index.ts'

type Line = Partial<Record<'msg' | 'at' | 'reason' | 'error' | 'fix', string>>

/** Log lines as one sentence with its place: there are few, and they stand between those of the app. */
export function lines(say: (line: string) => void): LogDestination {
  return {
    write(line) {
      const { msg, at, error, reason = error, fix } = JSON.parse(line) as Line
      say([msg, at && `at ${at}`, reason && `(${reason})`, fix && `Fix: ${fix}`].filter(Boolean).join(' '))
    },
  }
}
