/** The only file that knows every kind of channel. */
import { BadAlerts } from '../errors.ts'
import type { Channel, ChannelOptions } from './channel.ts'
import { email } from './email.ts'
import { pagerDuty } from './pagerduty.ts'
import { slack } from './slack.ts'
import { webhook } from './webhook.ts'

/** By name. Those whose address is not set are left out. Throws TF_BAD_ALERTS for an address that is none. */
export async function openChannels(
  options: Readonly<Record<string, ChannelOptions>>,
  smtp: string | undefined,
): Promise<Map<string, Channel>> {
  const problems = Object.entries(options).flatMap(([name, one]) => problemsOf(name, one, smtp))
  if (problems.length > 0) throw BadAlerts({ problems })
  const channels = new Map<string, Channel>()
  for (const [name, one] of Object.entries(options)) {
    const channel = await open(one, smtp)
    if (channel) channels.set(name, channel)
  }
  return channels
}

async function open(options: ChannelOptions, smtp: string | undefined): Promise<Channel | undefined> {
  switch (options.kind) {
    case 'webhook':
      return options.url ? webhook(options, options.url) : undefined
    case 'slack':
      return options.url ? slack(options.url) : undefined
    case 'pagerduty':
      return options.routingKey ? pagerDuty(options, options.routingKey) : undefined
    case 'email': {
      const to = [options.to ?? []].flat()
      const server = options.smtp ?? smtp
      return to.length > 0 && server ? email(options, to, server) : undefined
    }
  }
}

function problemsOf(name: string, options: ChannelOptions, smtp: string | undefined): string[] {
  const problems: string[] = []
  if ('url' in options && options.url && !/^https?:$/.test(URL.parse(options.url)?.protocol ?? ''))
    problems.push(`channel '${name}' has no address of the form https://…`)
  if (options.kind === 'webhook' && options.secret && options.secret.length < 16)
    problems.push(`the secret of channel '${name}' has fewer than 16 characters`)
  if (options.kind === 'email' && options.to && !(options.smtp ?? smtp))
    problems.push(`channel '${name}' has no mail server: set SMTP_URL`)
  if (!['webhook', 'slack', 'pagerduty', 'email'].includes(options.kind))
    problems.push(`channel '${name}' is of no known kind`)
  return problems
}
