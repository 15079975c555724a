/** Whom Alertmanager tells, as the configuration says it here. https://prometheus.io/docs/alerting/latest/configuration/
 *  Secrets are not written: it reads them from files. */
import type { ChannelOptions } from '../channels/channel.ts'
import { SEVERITIES, type Severity } from '../rule.ts'
import type { CheckedAlerts } from '../settings.ts'
import { yaml } from './yaml.ts'

/** `folder` is where the files with the secrets will be. */
export function alertmanagerConfig(
  { channels, send, times, rules, deadman }: CheckedAlerts,
  folder = '/etc/alertmanager/secrets',
): string {
  const seconds = (ms: number): string => `${Math.max(1, Math.round(ms / 1000))}s`
  const told = SEVERITIES.filter((severity) => send[severity].length > 0)
  const receivers = told.map((severity) => receiverOf(severity, send[severity], channels, folder))
  const inhibited = rules.filter(({ inhibitedBy = [] }) => inhibitedBy.length > 0)
  const config = {
    route: {
      receiver: 'nobody',
      group_by: ['alertname'],
      group_wait: seconds(times.waitMs),
      group_interval: seconds(times.intervalMs),
      repeat_interval: seconds(times.repeatMs),
      routes: [
        ...told.map((severity) => ({ receiver: severity, matchers: [`severity="${severity}"`] })),
        ...(deadman
          ? [{ receiver: 'deadman', matchers: ['alertname="DeadMan"'], repeat_interval: seconds(deadman.everyMs) }]
          : []),
      ],
    },
    receivers: [
      { name: 'nobody' },
      ...receivers,
      ...(deadman ? [{ name: 'deadman', webhook_configs: [{ url: deadman.url, send_resolved: false }] }] : []),
    ],
    inhibit_rules: inhibited.map(({ name, inhibitedBy = [] }) => ({
      source_matchers: [`alertname=~"${inhibitedBy.join('|')}"`],
      target_matchers: [`alertname="${name}"`],
    })),
  }
  return yaml(config).slice(1)
}

function receiverOf(
  severity: Severity,
  names: readonly string[],
  channels: Readonly<Record<string, ChannelOptions>>,
  folder: string,
): object {
  const of = <Kind extends ChannelOptions['kind']>(kind: Kind): [string, Extract<ChannelOptions, { kind: Kind }>][] =>
    names.flatMap((name): [string, Extract<ChannelOptions, { kind: Kind }>][] => {
      const channel = channels[name]
      return channel?.kind === kind ? [[name, channel as Extract<ChannelOptions, { kind: Kind }>]] : []
    })
  const some = <T>(configs: T[]): T[] | undefined => (configs.length > 0 ? configs : undefined)
  return {
    name: severity,
    webhook_configs: some(of('webhook').flatMap(([, { url }]) => (url ? [{ url }] : []))),
    slack_configs: some(of('slack').map(([name]) => ({ api_url_file: `${folder}/${name}`, send_resolved: true }))),
    pagerduty_configs: some(of('pagerduty').map(([name]) => ({ routing_key_file: `${folder}/${name}` }))),
    email_configs: some(
      of('email').flatMap(([, { to, from, smtp }]) =>
        to ? [{ to: [to].flat().join(', '), from, smarthost: smarthost(smtp), send_resolved: true }] : [],
      ),
    ),
  }
}

function smarthost(smtp: string | undefined): string {
  const { hostname = 'localhost', port = '' } = (smtp === undefined ? null : URL.parse(smtp)) ?? {}
  return `${hostname || 'localhost'}:${port || 587}`
}
