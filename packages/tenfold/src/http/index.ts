/** Ring 4: the request path. */
export * from './http.ts'
export * from './errors.ts'
export { createServer, type HttpServer, type ServerOptions } from './server.ts'
export type { CorsOptions } from './origin.ts'
export type { SheddingOptions } from './shed/index.ts'
export type { Checks, Health } from './health.ts'
export type { Problem } from './problem.ts'
export {
  created,
  disposition,
  html,
  HttpReply,
  noContent,
  redirect,
  type ReplyCookie,
  type ReplyOptions,
  respond,
  stream,
  type StreamOptions,
  text,
  webSocket,
} from './reply.ts'
export {
  closingOf,
  LiveSlow,
  SocketInvalid,
  wantsSocket,
  type Closing,
  type Socket,
  type SocketLimits,
  type SocketTalk,
} from './sockets/index.ts'
export { file } from './files.ts'
export { staticFiles, type StaticOptions } from './static.ts'
export { openapi, type OpenApiDocument, type OpenApiInfo } from './openapi/index.ts'
export { generateClient } from './client/index.ts'
