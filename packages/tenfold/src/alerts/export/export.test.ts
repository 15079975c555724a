import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { readFileSync } from 'node:fs'
import { defaultRules } from '../defaults.ts'
import { checkAlerts, prometheusRules, alertmanagerConfig, type AlertSettings } from '../index.ts'

const run = promisify(execFile)

const SETTINGS: AlertSettings = {
  rules: [
    {
      name: 'orders-failing',
      severity: 'page',
      says: 'Only {percent} of "{country}" succeed: {value}.',
      todo: 'See.',
      when: {
        metric: 'orders.order_success_rate',
        take: 'success',
        each: ['country'],
        below: 0.9,
        over: '10m',
        atLeast: 5,
      },
    },
    {
      name: 'slow-route',
      severity: 'warn',
      says: '{value} ms',
      todo: '',
      when: { requests: 'p99', route: 'GET /orders/:id', above: 500 },
    },
    {
      name: 'slow-budget',
      severity: 'ticket',
      says: '{value}',
      todo: '',
      when: { burn: { objective: 0.99, factor: 6, long: '6h', slowerThan: 250 } },
    },
    {
      name: 'unknown',
      severity: 'info',
      says: '',
      todo: '',
      when: { metric: 'somebody.elses', take: 'last', above: 1 },
    },
  ].map((rule) => ({ ...rule, says: rule.says || 'It is.' })) as AlertSettings['rules'] & object,
  channels: {
    hook: { kind: 'webhook', url: 'https://example.com/hook' },
    chat: { kind: 'slack', url: 'https://hooks.slack.com/services/secret' },
    pager: { kind: 'pagerduty', routingKey: 'secret' },
    mail: { kind: 'email', to: 'ops@example.com', from: 'shop@example.com', smtp: 'smtp://mail.example.com:25' },
  },
  send: { page: ['pager', 'mail', 'hook'], warn: ['chat'] },
  deadman: { url: 'https://example.com/alive' },
}

async function folder(t: TestContext, files: Record<string, string>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tenfold-alerts-'))
  t.after(() => rm(path, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
  return path
}

const exported = () =>
  prometheusRules('shop', checkAlerts(SETTINGS).rules, { 'orders.order_success_rate': { kind: 'counter', unit: '1' } })

test('promtool takes every rule; those over metrics that are not known here are named', async (t) => {
  const { text, leftOut } = exported()
  assert.deepEqual(leftOut, ['unknown'])
  const path = await folder(t, { 'rules.yml': text, 'wrong.yml': text.replace('vector(1)', 'vector(') })
  const { stdout } = await run('promtool', ['check', 'rules', join(path, 'rules.yml')])
  // One more for the dead man's signal; without those over an unknown metric and over advice.
  assert.match(stdout, new RegExp(`SUCCESS: ${checkAlerts(SETTINGS).rules.length - 1} rules found`))
  await assert.rejects(run('promtool', ['check', 'rules', join(path, 'wrong.yml')]))
})

test('on recorded series the exported rules fire and resolve as ours do', async (t) => {
  const path = await folder(t, { 'rules.yml': exported().text })
  const cases = {
    rule_files: ['rules.yml'],
    evaluation_interval: '30s',
    tests: [
      {
        interval: '1m',
        input_series: [
          { series: 'tenfold_queue_oldest_age_seconds{job="mail"}', values: '10x3 120x60' },
          { series: 'tenfold_queue_oldest_age_seconds{job="other"}', values: '10x60' },
          { series: 'orders_order_success_rate_total{country="DE",outcome="success"}', values: '0+1x60' },
          { series: 'orders_order_success_rate_total{country="DE",outcome="failure"}', values: '0+1x60' },
          { series: 'orders_order_success_rate_total{country="FR",outcome="failure"}', values: '0+1x60' },
          { series: 'orders_order_success_rate_total{country="IT",outcome="success"}', values: '0+1x60' },
          {
            series: 'http_server_request_duration_seconds_count{http_response_status_class="2xx"}',
            values: '0+900x120',
          },
          {
            series: 'http_server_request_duration_seconds_count{http_response_status_class="5xx"}',
            values: '0+100x120',
          },
        ],
        alert_rule_test: [
          { eval_time: '7m', alertname: 'queue-age', exp_alerts: [] },
          {
            eval_time: '12m',
            alertname: 'queue-age',
            exp_alerts: [
              {
                exp_labels: { severity: 'warn', job: 'mail' },
                exp_annotations: {
                  summary: 'The oldest job of mail has been waiting for 120 s.',
                  description: 'More workers, or a job that takes too long; see Jobs in the console.',
                },
              },
            ],
          },
          {
            eval_time: '20m',
            alertname: 'orders-failing',
            exp_alerts: [
              {
                exp_labels: { severity: 'page', country: 'DE' },
                exp_annotations: { summary: 'Only 50% of "DE" succeed: 0.5.', description: 'See.' },
              },
              {
                exp_labels: { severity: 'page', country: 'FR' },
                exp_annotations: { summary: 'Only 0% of "FR" succeed: 0.', description: 'See.' },
              },
            ],
          },
          {
            eval_time: '70m',
            alertname: 'error-budget-fast',
            exp_alerts: [
              {
                exp_labels: { severity: 'page' },
                exp_annotations: {
                  summary: 'Requests fail 100 times as fast as the budget of 0.1 % that may fail allows.',
                  description: 'Look at the failing routes in the console, and at what was deployed last.',
                },
              },
            ],
          },
          { eval_time: '70m', alertname: 'latency', exp_alerts: [] },
        ],
      },
    ],
  }
  await writeFile(join(path, 'test.yml'), JSON.stringify(cases))
  const { stdout } = await run('promtool', ['test', 'rules', join(path, 'test.yml')])
  assert.match(stdout, /SUCCESS/)
})

test('amtool takes the configuration of Alertmanager, which holds no secret', async (t) => {
  const text = alertmanagerConfig(checkAlerts(SETTINGS))
  assert.doesNotMatch(text, /secret"|services\/secret/)
  const path = await folder(t, { 'alertmanager.yml': text })
  const { stdout } = await run('amtool', ['check-config', join(path, 'alertmanager.yml')])
  assert.match(stdout, /SUCCESS/)
  const routed = async (...labels: string[]): Promise<string> =>
    (
      await run('amtool', ['config', 'routes', 'test', `--config.file=${join(path, 'alertmanager.yml')}`, ...labels])
    ).stdout.trim()
  assert.equal(await routed('severity=page', 'alertname=queue-stuck'), 'page')
  assert.equal(await routed('severity=info'), 'nobody')
  assert.equal(await routed('severity=none', 'alertname=DeadMan'), 'deadman')
})

test('each default rule has its section in the runbook, and each section its rule', () => {
  const page = readFileSync(new URL('../../../../../docs/runbook.md', import.meta.url), 'utf8')
  const sections = [...page.matchAll(/^## (.+)$/gm)].map(([, name]) => name!)
  assert.deepEqual(sections.sort(), [...defaultRules().map(({ name }) => name), 'database-unreachable'].sort())
})
