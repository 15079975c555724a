/** Small apps, each with one planted fault taken from a real bug, and the same shapes without it. */
import type { Cause } from '../../packages/tenfold/src/twin/index.ts'

export interface App {
  /** Its folder in `apps/`. */
  name: string
  /** What is planted; undefined in a clean one. */
  planted?: Cause
  /** The line that has to be named. */
  line?: string
  /** The bug that it was taken from. */
  from?: string
  /** Written with packages that are installed beside, in `.peers`. */
  peers?: boolean
  /** It has a Postgres database, which is tried behind PgBouncer, too. */
  database?: boolean
  /** In the short form. */
  short?: boolean
  /** The release that runs beside it. */
  beside?: string
  program?: string
}

export const APPS: readonly App[] = [
  { name: 'token-sessions', planted: 'memory-sessions', line: 'server.js:5', from: 'streamlit#4173', short: true },
  { name: 'login-lockout', planted: 'memory-limits', line: 'server.js:4', from: 'nestjs/throttler' },
  { name: 'json-file', planted: 'local-files', line: 'server.js:13', from: 'invenio#657', short: true },
  { name: 'chunked-upload', planted: 'local-files', line: 'server.js:10', from: 'streamlit#4173' },
  { name: 'shared-path', planted: 'local-files', line: 'server.js:9', from: 'invenio#657' },
  { name: 'sqlite-file', planted: 'local-files', from: 'invenio#657' },
  { name: 'price-cache', planted: 'stale-cache', line: 'server.js:6', from: 'engram#710', short: true },
  { name: 'feature-flag', planted: 'module-state', line: 'server.js:4', from: 'octane#887' },
  { name: 'order-numbers', planted: 'module-state', line: 'server.js:6', from: 'octane#887', short: true },
  { name: 'idempotency-keys', planted: 'module-state', line: 'server.js:4', from: 'spring-modulith#663' },
  { name: 'stock-mutex', planted: 'module-state', line: 'server.js:7', from: 'solid_queue#330' },
  { name: 'class-field', planted: 'module-state', line: 'server.ts:4', from: 'octane#887', program: 'server.ts' },
  { name: 'closure-state', planted: 'module-state', line: 'server.js:5', from: 'octane#887' },
  { name: 'startup-secret', planted: 'startup-secret', line: 'server.js:5', from: 'mathesar#2595' },
  { name: 'not-before', planted: 'clock-skew', from: 'oban#1488' },
  { name: 'interval-report', planted: 'duplicate-cron', line: 'server.js:5', from: 'schedule#273' },
  { name: 'croner-digest', planted: 'duplicate-cron', line: 'server.js:6', from: 'laravel#29447', short: true },
  { name: 'outbox-poller', planted: 'duplicate-work', from: 'spring-modulith#663' },
  { name: 'hostname-leader', planted: 'same-hostname', line: 'server.js:7', from: 'oban-py#32' },
  { name: 'role-ignored', planted: 'role-ignored', from: 'medusa#11740' },
  { name: 'answer-then-work', planted: 'lost-work', line: 'server.js:9', from: 'boringnode/queue' },
  { name: 'no-sigterm', planted: 'lost-requests', from: 'kamal#1041', short: true },
  { name: 'exit-at-sigterm', planted: 'lost-requests', from: 'kamal#1041' },
  { name: 'metrics-port', planted: 'fixed-port', line: 'server.js:8', from: 'oban-py#32' },
  { name: 'event-feed', planted: 'sticky-sockets', line: 'server.js:4', from: 'reverb#225' },
  { name: 'new-format', planted: 'releases', beside: 'before', from: 'adcp#499' },
  {
    name: 'express-memory-sessions',
    planted: 'memory-sessions',
    line: 'server.js:6',
    from: 'express-session',
    peers: true,
  },
  { name: 'fastify-session', planted: 'memory-sessions', line: 'server.js:2', from: '@fastify/session', peers: true },
  {
    name: 'express-rate-limit',
    planted: 'memory-limits',
    line: 'server.js:5',
    from: 'express-rate-limit',
    peers: true,
  },
  {
    name: 'fastify-rate-limit',
    planted: 'memory-limits',
    line: 'server.js:1',
    from: '@fastify/rate-limit',
    peers: true,
  },
  { name: 'nest-throttler', planted: 'memory-limits', line: 'server.js:4', from: '@nestjs/throttler', peers: true },
  { name: 'nest-service', planted: 'module-state', line: 'server.js:7', from: 'octane#887', peers: true },
  { name: 'express-locals', planted: 'module-state', line: 'server.js:3', from: 'octane#887', peers: true },
  { name: 'multer-disk', planted: 'local-files', line: 'server.js:6', from: 'multer', peers: true },
  { name: 'node-cron', planted: 'duplicate-cron', line: 'server.js:7', from: 'node-cron', peers: true },
  { name: 'node-cache', planted: 'stale-cache', line: 'server.js:7', from: 'engram#710', peers: true },
  { name: 'ws-chat', planted: 'sticky-sockets', line: 'server.js:5', from: 'reverb#273', peers: true },
  { name: 'socket-io', planted: 'sticky-sockets', from: 'phoenix#6057', peers: true },
  {
    name: 'pooled-tenant',
    planted: 'pooled-session',
    line: 'server.js:10',
    database: true,
    short: true,
  },
  {
    name: 'pooled-lock',
    planted: 'pooled-session',
    line: 'server.js:10',
    from: 'oban#1488',
    database: true,
    peers: true,
  },
  {
    name: 'pooled-listen',
    planted: 'pooled-session',
    line: 'server.js:11',
    from: 'oban#702',
    database: true,
    peers: true,
  },
  { name: 'pooled-named', planted: 'pooled-session', database: true, peers: true },
  { name: 'pooled-temporary', planted: 'pooled-session', line: 'server.js:10', database: true, peers: true },

  { name: 'clean-sessions', short: true },
  { name: 'clean-lockout' },
  { name: 'clean-temporary-file', short: true },
  { name: 'clean-shared-cache' },
  { name: 'clean-told-cache' },
  { name: 'clean-signed-token' },
  { name: 'clean-cron', short: true },
  { name: 'clean-sweeper' },
  { name: 'clean-queue' },
  { name: 'clean-metrics', short: true },
  { name: 'clean-event-feed' },
  { name: 'clean-log-file' },
  { name: 'clean-roles' },
  { name: 'clean-durable-work' },
  { name: 'clean-leader' },
  { name: 'clean-new-format', beside: 'before' },
  { name: 'clean-express-sessions', peers: true },
  { name: 'clean-express-rate-limit', peers: true },
  { name: 'clean-fastify-rate-limit', peers: true },
  { name: 'clean-multer', peers: true },
  { name: 'clean-node-cron', peers: true },
  { name: 'clean-nest-service', peers: true },
  { name: 'clean-ws-chat', peers: true },
  { name: 'clean-pooled-tenant', database: true, short: true },
  { name: 'clean-pooled-lock', database: true, peers: true },
  { name: 'clean-pooled-listen', database: true, peers: true },
]
