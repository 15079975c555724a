/** WebSockets, on the way of every request. */
export { closingOf } from './connection.ts'
export { LiveSlow, SocketInvalid, UpgradeRequired } from './errors.ts'
export type { Closing, Socket, SocketLimits, SocketTalk } from './socket.ts'
export { offered } from './socket.ts'
export { isWebSocket, openSockets, wantsSocket, type Sockets } from './upgrade.ts'
