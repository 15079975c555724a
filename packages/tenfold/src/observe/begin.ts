import { hookModules } from './modules.ts'
import { say } from './say.ts'
import { createSeat, type Seat } from './seat.ts'
import { hookFastify, hookServers } from './servers.ts'

/** Puts the hooks in place; the rest follows when a server of the app listens. */
export function begin(variables: NodeJS.ProcessEnv): Seat {
  let opened = false
  const seat = createSeat(() => {
    if (opened) return
    opened = true
    seat.quiet.run(true, () => {
      import('./open.ts')
        .then(({ openObservation }) => openObservation(seat, variables))
        .catch((error: unknown) => say(`nothing is observed: ${String(error)}`))
    })
  })
  hookServers(seat)
  hookFastify(seat)
  hookModules(seat)
  return seat
}
