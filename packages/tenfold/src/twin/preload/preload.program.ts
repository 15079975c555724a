/** Loaded into every Node.js process of an instance under test, with `--import`, before the program itself. */
import { isMainThread } from 'node:worker_threads'
import type { Orders } from '../evidence.ts'
import { watchEffects } from './effects.ts'
import { watchFiles } from './files.ts'
import { listenToCommands } from './commands.ts'
import { shiftIdentity } from './identity.ts'
import { watchListening } from './listening.ts'
import { watchModules } from './modules.ts'
import { watchRequests } from './requests.ts'
import { createState } from './state.ts'
import { createTimers } from './timers.ts'
import { createWitness } from './witness.ts'

const orders = process.env.TENFOLD_TWIN

if (orders !== undefined && isMainThread) watch(JSON.parse(orders) as Orders)

/** The order counts: what is watched last would be seen by what watches already. */
function watch(given: Orders): void {
  const witness = createWitness(given)
  const state = createState(witness, given)
  const clock = shiftIdentity(witness, given)
  const timers = createTimers(witness, clock)
  const held = watchRequests(witness, state)
  listenToCommands(witness, given, { timers, held })
  watchListening(witness, given, state)
  watchEffects(witness)
  watchModules(witness, state)
  watchFiles(witness)
  witness.say({ kind: 'hello', pid: process.pid, node: process.versions.node })
}
