/** Ring 6: the processes of an app on one machine. */
export * from './errors.ts'
export { capacity, heapFor, processesFor } from './capacity.ts'
export { openControl, reloadRunning } from './control.ts'
export { supervisedBy, type Ready, type SocketUse, type Supervised } from './messages.ts'
export { launch, type AppProcess } from './process.ts'
export { openSockets, type ListeningSocket } from './sockets.ts'
export { createSupervisor, type PlaceOptions, type Supervisor } from './supervisor.ts'
export { blueGreenDeploy, rollingDeploy, type BlueGreenOptions, type Place, type RollingOptions } from './roll.ts'
