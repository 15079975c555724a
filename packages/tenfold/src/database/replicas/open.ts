import type pg from 'pg'
import { messageOf, type Clock } from '../../kernel/index.ts'
import type { Logger, Telemetry } from '../../telemetry/index.ts'
import { Connections, type Credentials } from '../connections.ts'
import type { Statements } from '../statements.ts'
import { createPositions, type Positions } from './positions.ts'
import { Primary } from './primary.ts'
import { Replica, type ReplicaState } from './replica.ts'
import { createRouting, type Routing } from './routing.ts'

export interface ReplicasOptions {
  urls: readonly string[]
  /** The primary's. */
  connections: Connections
  statements: Statements
  createStatements: (connections: Connections, target: string) => Statements
  credentials: Credentials
  keys: number
  /** What values become, by role. */
  typesOf: (role: string) => pg.CustomTypesConfig
  onLeftOpen: (role: string) => void
  applicationName: string
  /** The role of the platform's own tables. */
  systemRole: string
  maxConnections: number
  maxLagMs: number
  telemetry: Telemetry
  clock: Clock
}

export interface ReplicaInfo {
  name: string
  /** Host and port. */
  host: string
  state: ReplicaState
  /** Why it is down. */
  reason?: string
  lagMs: number
}

export interface Replicas {
  readonly routing: Routing
  readonly positions: Positions
  list(): ReplicaInfo[]
  start(): Promise<void>
  close(): Promise<void>
}

/** How often the primary is asked where it is, while replicas are read from. */
const LOOK_MS = 50
const IDLE_MS = 2000
const MAX_PAUSE_MS = 1000
/** A start does not wait longer for a replica. */
const START_MS = 1500

export function openReplicas(options: ReplicasOptions): Replicas {
  const { urls, connections, statements, telemetry, clock, systemRole } = options
  const primary = new Primary({ connections, role: systemRole, clock, log: telemetry.log })
  const replicas = urls.map((url, i) => openReplica(`replica-${i + 1}`, url, primary, options))
  const routing = createRouting({ primary, statements, replicas, telemetry, clock })
  const pulse = createPulse(primary, clock, telemetry.log)
  return {
    routing: { ...routing, read: (fn) => (pulse.wake(), routing.read(fn)) },
    positions: createPositions(routing.causality, primary, replicas),
    list: () =>
      replicas.map(({ name, host, state, reason, behindMs }) => ({
        name,
        host,
        state,
        ...(reason !== undefined && { reason }),
        lagMs: Math.round(behindMs),
      })),
    async start() {
      pulse.wake()
      await primary.look().catch(() => {})
      await Promise.all(replicas.map((replica) => replica.ready(START_MS)))
    },
    async close() {
      pulse.stop()
      await Promise.all(replicas.map((replica) => replica.close()))
    },
  }
}

function openReplica(name: string, url: string, primary: Primary, options: ReplicasOptions): Replica {
  const { credentials, keys, typesOf, applicationName, maxConnections, telemetry, clock, systemRole, onLeftOpen } =
    options
  const connections = new Connections({
    url,
    credentials,
    keys,
    typesOf,
    applicationName,
    max: maxConnections,
    // The primary is there: rather ask it than wait for long.
    acquireTimeoutMs: 1000,
    onLost: (_, error) => replica.forget(error.message),
    onLeftOpen,
    onOpen: (client) => replica.check(client),
  })
  const replica: Replica = new Replica({
    name,
    url,
    credentials: (refused) => credentials(systemRole, refused),
    keys,
    applicationName,
    connections,
    statements: options.createStatements(connections, name),
    primary,
    clock,
    log: telemetry.log,
    maxLagMs: options.maxLagMs,
  })
  return replica
}

/** Looks at the primary again and again, as long as somebody reads. */
function createPulse(primary: Primary, clock: Clock, log: Logger) {
  let timer: NodeJS.Timeout | undefined
  let looking = false
  let stopped = false
  let failures = 0
  let usedAt = -Infinity

  const beat = async (): Promise<void> => {
    timer = undefined
    looking = true
    try {
      await primary.look()
      failures = 0
    } catch (error) {
      if (failures++ === 0)
        log.warn('The position of the primary cannot be read: replicas are not used until it can.', {
          reason: messageOf(error),
        })
    }
    looking = false
    if (clock.elapsed() - usedAt < IDLE_MS) schedule(Math.min(MAX_PAUSE_MS, LOOK_MS * 2 ** failures))
  }
  const schedule = (ms: number): void => {
    if (stopped || timer || looking) return
    timer = setTimeout(() => void beat(), ms)
    timer.unref()
  }
  return {
    wake(): void {
      usedAt = clock.elapsed()
      schedule(0)
    },
    stop(): void {
      stopped = true
      clearTimeout(timer)
    },
  }
}
