import { connect } from '../../app/index.ts'
import { toMs, type Duration } from '../../kernel/index.ts'
import { administerWebhooks, hasWebhooks, type WebhookAdmin } from '../../webhooks/index.ts'
import type { Command, Invocation } from '../command.ts'
import { BadOptionValue, MissingArgument, NoSuchWebhook } from '../errors.ts'
import { loadProject } from '../project.ts'

export const webhooksList: Command = {
  examples: ['tenfold webhooks list', 'tenfold webhooks list --json'],
  run: (invocation) =>
    withWebhooks(invocation, async (modules) => {
      const { output } = invocation
      const all = await Promise.all(
        [...modules].map(async ([module, admin]) => (await admin.endpoints()).map((one) => ({ module, ...one }))),
      )
      output.show(all.flat(), () => {
        if (all.flat().length === 0) return output.line('no endpoints')
        output.table(
          ['endpoint', 'module', 'owner', 'url', 'state', 'failures'],
          all
            .flat()
            .map(({ id, module, owner, url, disabledAt, failingSince, failures }) => [
              id,
              module,
              owner,
              url,
              disabledAt
                ? output.paint('red', `disabled ${disabledAt.toISOString()}`)
                : failingSince
                  ? output.paint('yellow', `failing since ${failingSince.toISOString()}`)
                  : output.paint('green', 'well'),
              String(failures),
            ]),
        )
      })
      return 0
    }),
}

export const webhooksShow: Command = {
  args: '<endpoint>',
  maxArgs: 1,
  options: { limit: { type: 'string', value: '<n>', about: 'how many deliveries (default: 50, at most 1000)' } },
  examples: ['tenfold webhooks show 01a2032e-35d5-7d56-be69-6abee6661852'],
  run: (invocation) =>
    withWebhooks(invocation, async (modules) => {
      const { flags, output } = invocation
      const limit = Number(flags.limit ?? 50)
      if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
        throw BadOptionValue({
          option: '--limit',
          value: String(flags.limit),
          allowed: 'a whole number from 1 to 1000',
        })
      }
      const { endpoint, admin } = await endpointOf(modules, idOf(invocation, 'an endpoint', 'webhooks show'))
      const deliveries = await admin.deliveries(endpoint.id, limit)
      output.show({ ...endpoint, deliveries }, () => {
        output.line(`${endpoint.url} ${endpoint.disabledAt ? `is disabled: ${endpoint.disabledWhy}` : ''}`.trim())
        if (deliveries.length === 0) return output.line('nothing was sent to it')
        output.table(
          ['delivery', 'type', 'sent', 'attempts', 'arrived', 'problem'],
          deliveries.map(({ id, type, createdAt, attempts, deliveredAt, problem = '' }) => [
            id,
            type,
            createdAt.toISOString(),
            String(attempts),
            deliveredAt ? output.paint('green', deliveredAt.toISOString()) : output.paint('red', 'no'),
            problem.slice(0, 80),
          ]),
        )
      })
      return 0
    }),
}

export const webhooksRetry: Command = {
  args: '<delivery>',
  maxArgs: 1,
  examples: ['tenfold webhooks retry 01a2032e-36fe-7a1c-9d3b-9b6f3c1d2e4f'],
  run: (invocation) =>
    withWebhooks(invocation, async (modules) => {
      const id = idOf(invocation, 'a delivery', 'webhooks retry')
      for (const admin of modules.values()) {
        const job = await admin.retry(id)
        if (job === undefined) continue
        invocation.output.show({ job }, () => invocation.output.line(`delivery ${id} is sent again (job ${job})`))
        return 0
      }
      throw NoSuchWebhook({ what: 'delivery', id })
    }),
}

export const webhooksReplay: Command = {
  args: '<endpoint>',
  maxArgs: 1,
  options: {
    since: { type: 'string', value: '<time>', about: 'from when on: a time, or so long ago, such as 2h or 3d' },
    until: { type: 'string', value: '<time>', about: 'up to when (default: now)' },
    all: { type: 'boolean', about: 'also what has arrived' },
  },
  examples: [
    'tenfold webhooks replay 01a2032e-35d5-7d56-be69-6abee6661852 --since 2d',
    'tenfold webhooks replay 01a2032e-35d5-7d56-be69-6abee6661852 --since 2026-11-20T08:00:00Z --all',
  ],
  run: (invocation) =>
    withWebhooks(invocation, async (modules) => {
      const { flags, output } = invocation
      const id = idOf(invocation, 'an endpoint', 'webhooks replay')
      if (flags.since === undefined) throw MissingArgument({ argument: '--since <time>', command: 'webhooks replay' })
      const since = timeOf('--since', flags.since)
      const until = flags.until === undefined ? Date.now() : timeOf('--until', flags.until)
      const { endpoint, admin } = await endpointOf(modules, id)
      const job = await admin.replay({ endpoint: id, since, until, all: flags.all === true })
      output.show({ job }, () => {
        output.line(`what was sent since ${new Date(since).toISOString()} goes out again (job ${job})`)
        if (endpoint.disabledAt) output.line(`but the endpoint is disabled: \`tenfold webhooks enable ${id}\` first`)
      })
      return 0
    }),
}

export const webhooksEnable: Command = {
  args: '<endpoint>',
  maxArgs: 1,
  examples: ['tenfold webhooks enable 01a2032e-35d5-7d56-be69-6abee6661852'],
  run: (invocation) =>
    withWebhooks(invocation, async (modules) => {
      const id = idOf(invocation, 'an endpoint', 'webhooks enable')
      const { endpoint, admin } = await endpointOf(modules, id)
      await admin.enable(id)
      const since = endpoint.disabledAt?.toISOString()
      invocation.output.show({ id, disabledAt: since ?? null }, () => {
        invocation.output.line(`webhooks are sent to ${endpoint.url} again`)
        if (since) invocation.output.line(`what it has missed: \`tenfold webhooks replay ${id} --since ${since}\``)
      })
      return 0
    }),
}

type Modules = ReadonlyMap<string, WebhookAdmin>

async function withWebhooks({ flags }: Invocation, fn: (modules: Modules) => Promise<number>): Promise<number> {
  const { app, root, config } = await loadProject(flags)
  const connected = await connect(app, root, config)
  try {
    const { database, queue } = await connected.open()
    const admin = (module: string): WebhookAdmin =>
      administerWebhooks(module, database.module(module), async (job) => (await queue.enqueue([job]))[0]!)
    const modules = app.modules.filter(hasWebhooks).map(({ name }) => name)
    return await fn(new Map(modules.map((name) => [name, admin(name)])))
  } finally {
    await connected.close()
  }
}

async function endpointOf(modules: Modules, id: string) {
  for (const admin of modules.values()) {
    const endpoint = await admin.endpoint(id)
    if (endpoint) return { endpoint, admin }
  }
  throw NoSuchWebhook({ what: 'endpoint', id })
}

function idOf({ args }: Invocation, what: string, command: string): string {
  const id = args[0]
  if (id === undefined) throw MissingArgument({ argument: `the id of ${what}`, command })
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id))
    throw BadOptionValue({
      option: '<id>',
      value: id,
      allowed: 'an id, as `tenfold webhooks list` and `show` print it',
    })
  return id
}

/** In ms since 1970. */
function timeOf(option: string, given: string | boolean): number {
  const text = String(given)
  if (/^\d+(?:ms|s|m|h|d)$/.test(text)) return Date.now() - toMs(text as Duration)
  const time = Date.parse(text)
  if (!Number.isNaN(time)) return time
  throw BadOptionValue({
    option,
    value: text,
    allowed: 'a time such as 2026-11-20T08:00:00Z, or so long ago: 30m, 2h, 3d',
  })
}
