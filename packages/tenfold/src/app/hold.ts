/** What is embedded, started once for several processes of an app, which then find it as if it had been configured. */
import type { Environment } from '../config/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { bind, type Binding } from './bindings.ts'
import type { App, Config } from './define.ts'

export interface Held {
  /** For the environment of the processes. */
  variables: Record<string, string | undefined>
  list: readonly Binding[]
  /** One for all of them, though none be configured. */
  secretKey: string
  /** Whether migrations are applied without being asked for: the database is embedded. */
  migrates: boolean
  stop(): Promise<void>
}

export async function holdBindings(
  { app, config, root }: { app: App; config: Config; root: URL },
  environment: Environment,
  telemetry: Telemetry,
): Promise<Held> {
  const { companions = {} } = config
  const bindings = await bind({ app: app.name, environment, telemetry, root, companions })
  const { databaseEmbedded, databaseUrl, databaseDirectUrl } = bindings
  return {
    variables: {
      ...bindings.variables,
      ...(databaseEmbedded && { DATABASE_URL: databaseUrl, DATABASE_DIRECT_URL: databaseDirectUrl }),
    },
    list: bindings.list,
    secretKey: bindings.secretKey,
    migrates: databaseEmbedded,
    stop: () => bindings.stop(),
  }
}
