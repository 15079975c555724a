import type { Kept } from '../evidence.ts'

interface Keeper {
  package: string
  /** The end of the path of the file that defines it. */
  file: RegExp
  /** The class or function that is called once for each store. */
  name: string
  keeps: Kept
}

/** Where popular packages keep things in one process unless they are told otherwise. */
const KEEPERS: readonly Keeper[] = [
  { package: 'express-session', file: /session\/memory\.js$/, name: 'MemoryStore', keeps: 'sessions' },
  { package: '@fastify/session', file: /\.js$/, name: 'Store', keeps: 'sessions' },
  { package: 'memorystore', file: /memorystore\.js$/, name: 'MemoryStore', keeps: 'sessions' },
  { package: 'express-rate-limit', file: /dist\/index\.(cjs|mjs)$/, name: 'MemoryStore', keeps: 'limits' },
  { package: '@fastify/rate-limit', file: /LocalStore\.js$/, name: 'LocalStore', keeps: 'limits' },
  { package: '@nestjs/throttler', file: /throttler\.service\.js$/, name: 'ThrottlerStorageService', keeps: 'limits' },
  { package: 'rate-limiter-flexible', file: /RateLimiterMemory\.js$/, name: 'RateLimiterMemory', keeps: 'limits' },
  { package: 'multer', file: /storage\/disk\.js$/, name: 'DiskStorage', keeps: 'uploads' },
  { package: 'node-cache', file: /node_cache\.js$/, name: 'NodeCache', keeps: 'cache' },
  { package: 'lru-cache', file: /\.js$/, name: 'LRUCache', keeps: 'cache' },
  { package: 'memory-cache', file: /index\.js$/, name: 'Cache', keeps: 'cache' },
  { package: 'ws', file: /websocket-server\.js$/, name: 'WebSocketServer', keeps: 'sockets' },
  { package: 'socket.io-adapter', file: /in-memory-adapter\.js$/, name: 'Adapter', keeps: 'sockets' },
]

export function keeperIn(name: string, file: string): Keeper | undefined {
  return KEEPERS.find((one) => one.package === name && one.file.test(file))
}
