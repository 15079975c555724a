/** Product analytics of an app: what its code tracks, what browsers send, and what is dropped when it is old. */
import { readFileSync } from 'node:fs'
import { createReceive, openAnalytics, type Analytics } from '../analytics/index.ts'
import { HttpReply, type HttpRequest, type HttpRoute } from '../http/index.ts'
import { messageOf, systemClock, TenfoldError, type AnySchema } from '../kernel/index.ts'
import type { Scope } from '../modules/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Config } from './define.ts'
import { TrackInvalid } from './errors.ts'
import type { Ground } from './instance.ts'
import { checked } from './jobs.ts'

const MAINTAIN_MS = 6 * 3_600_000
const MOST_BYTES = 256 * 1024

export function openAppAnalytics(
  { config, database, environment, telemetry }: Ground,
  opened: AsyncDisposableStack,
): Analytics {
  const { timeZone, keepMonths } = config.analytics ?? {}
  const { analyticsColumns: columns } = environment
  const analytics = openAnalytics({
    db: database.system,
    telemetry,
    ...(columns !== undefined && { columns }),
    ...(timeZone !== undefined && { timeZone }),
    ...(keepMonths !== undefined && { keepMonths }),
  })
  opened.defer(() => analytics.close())
  const timer = setInterval(() => {
    analytics.maintain().catch((error: unknown) => {
      telemetry.log.warn('analytics could not be tidied; it is tried again', { error: messageOf(error) })
    })
  }, MAINTAIN_MS)
  timer.unref()
  opened.defer(() => clearInterval(timer))
  return analytics
}

/** What `ordered.track(…)` does. */
export function createTrack(parts: { analytics: Analytics; telemetry: Telemetry; strict: boolean }): Scope['track'] {
  const { analytics, telemetry, strict } = parts
  return async ({ name, options }, properties, { user, anonymous, ...rest }) => {
    try {
      if (options.properties) await checked(options.properties, properties, (issues) => TrackInvalid({ name, issues }))
      const who = user !== undefined ? { user } : anonymous !== undefined ? { anonymous } : undefined
      if (!who) throw TrackInvalid({ name, issues: [{ path: 'user', message: 'give a user, or the id of a browser' }] })
      await analytics.track([{ ...rest, name, who, properties: properties as Record<string, string> }])
      return true
    } catch (error) {
      // A mistake in the code is told where it is made; a database that is away is nobody's mistake.
      if (strict && error instanceof TenfoldError && error.status < 500) throw error
      telemetry.log.warn('an event of analytics was not kept', { event: name, error: messageOf(error) })
      return false
    }
  }
}

/** `/_e` takes what browsers send, `/_e.js` is the script that sends it. None unless `analytics.browser` is set. */
export function analyticsRoutes(
  browser: NonNullable<Config['analytics']>['browser'],
  { analytics, telemetry }: { analytics: Analytics; telemetry: Telemetry },
): HttpRoute[] {
  if (!browser) return []
  const { path = '/_e', names, ignoreUsers, perMinute = 600 } = browser === true ? {} : browser
  const receive = createReceive({
    analytics,
    telemetry,
    clock: systemClock,
    ...(names && { names }),
    ...(ignoreUsers && { ignoreUsers }),
  })
  const script = bare(readFileSync(new URL('../analytics/browser/assets/snippet.js', import.meta.url), 'utf8'))
  return [
    {
      method: 'GET',
      path: `${path}.js`,
      module: 'tenfold',
      name: `GET ${path}.js`,
      hidden: true,
      handle: async () =>
        new HttpReply({
          status: 200,
          headers: { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'public, max-age=3600' },
          body: Buffer.from(script),
        }),
    },
    {
      method: 'POST',
      path,
      module: 'tenfold',
      name: `POST ${path}`,
      hidden: true,
      auth: 'optional',
      priority: 'low',
      bodyLimit: MOST_BYTES,
      limit: { by: 'ip', max: perMinute, per: '1m' },
      body: anything,
      handle: async ({ body, headers, user }: HttpRequest) => {
        const reply = await receive({ body, headers, userId: user?.id })
        if (!reply)
          throw TrackInvalid({ name: 'of a browser', issues: [{ path: '', message: 'this is not a batch of events' }] })
        return reply.reset ? reply : new HttpReply({ status: 204, headers: {} })
      },
    },
  ]
}

/** Without the comment at its head, comment lines and indentation. */
function bare(script: string): string {
  return script.replace(/^\/\*[^]*?\*\/\n/, '').replace(/^\s*(\/\/.*\n)?/gm, '')
}

/** The batch is checked by who receives it. */
const anything: AnySchema = {
  '~standard': { version: 1, vendor: 'tenfold', validate: (value: unknown) => ({ value }) },
}
