/** The console of an app that really runs: its own server, database, worker, crons and telemetry. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { app, defineModule } from 'tenfold'
import { z } from 'zod'
import { startTestApp, type TestApp } from '../../packages/tenfold/src/testing.ts'
import { describeInBrowser, openBrowser, openPage } from './browser.ts'
import { HOSTILE } from './sample.ts'

const m = defineModule('guestbook')

const fail = m.job('fail', {
  input: z.object({ note: z.string() }),
  attempts: 1,
  run: async ({ input }) => {
    throw new Error(`could not deliver ${input.note}`)
  },
})
const sign = m.route('GET /sign/:name', {
  auth: 'public',
  reply: z.object({ signed: z.string() }),
  handler: async ({ params, db, log }) => {
    const { rows } = await db.sql<{ signed: string }>`select ${params.name}::text as signed, 1 as guestbook`
    await fail.enqueue({ note: params.name })
    log.error('signed by', { who: params.name })
    return { signed: rows[0]!.signed }
  },
})
const tidy = m.cron('tidy', '15 3 * * *', { run: async () => {} })
const guestbook = app({ name: 'guestbook', modules: [m.build({ parts: [fail, sign, tidy] })] })

describeInBrowser('the console of a running app', () => {
  let running: TestApp
  let browser: Browser
  let page: Page
  let complaints: string[]

  before(async () => {
    running = await startTestApp(guestbook, {
      roles: ['web', 'worker', 'cron', 'console'],
      variables: { LOG_LEVEL: 'error', CONSOLE_PORT: '0' },
    })
    browser = await openBrowser()
    ;({ page, complaints } = await openPage(browser, running.instance.consoleUrl!))
    const reply = await running.fetch(`/sign/${encodeURIComponent(HOSTILE)}`, { headers: { 'user-agent': HOSTILE } })
    assert.equal(reply.status, 200)
    await running.drain()
  })
  after(async () => {
    await browser?.close()
    await running?.close()
  })

  test('shows a request with its query and its log line, live, without a reload', async () => {
    await page.goto('/requests')
    // Telemetry writes every ten seconds; the page hears of it by itself.
    const trace = page.getByRole('table', { name: 'Traces' }).getByRole('row', { name: /GET \/sign/ })
    await trace.getByRole('link').click({ timeout: 30_000 })
    await page.getByText('Where the time went').waitFor()
    await page
      .getByRole('button', { name: /^query/ })
      .first()
      .waitFor()
    await page.getByText('signed by').waitFor()
    assert.ok((await page.getByText(HOSTILE).count()) > 0, 'what was hostile is shown as text')
    await page.goto('/requests')
    await page.getByRole('table', { name: 'Routes' }).getByText('GET /sign/:name').waitFor()
  })

  test('shows the query with its text', async () => {
    await page.goto('/queries?search=guestbook')
    await page
      .getByRole('table', { name: 'Queries' })
      .getByText(/^select .* as signed/)
      .waitFor()
  })

  test('holds back the jobs of a name, and lets them go on', async () => {
    await page.goto('/jobs?name=guestbook.fail')
    await page.getByRole('button', { name: 'Pause…' }).click()
    await page.getByRole('button', { name: 'Pause jobs' }).click()
    await page.getByText('is paused: its jobs wait.').waitFor()
    assert.deepEqual(
      (await running.instance.inspector.jobSummary()).filter(({ paused }) => paused).map(({ name }) => name),
      ['guestbook.fail'],
    )
    await page.getByRole('button', { name: 'Resume…' }).click()
    await page.getByRole('button', { name: 'Resume jobs' }).click()
    await page.getByRole('button', { name: 'Pause…' }).waitFor()
  })

  test('shows the job that failed, and runs it again', async () => {
    await page.goto('/jobs?state=dead')
    await page.getByRole('table', { name: 'Jobs', exact: true }).getByRole('link', { name: 'guestbook.fail' }).click()
    await page.getByText(`could not deliver ${HOSTILE}`).waitFor()
    await page.getByRole('button', { name: 'Retry…' }).click()
    await page.getByRole('button', { name: 'Run job again' }).click()
    await page.getByText('It is back in the queue.').waitFor()
    await running.drain()
    const [job] = await running.instance.queue.list({ name: 'guestbook.fail' })
    assert.equal(job?.state, 'dead')
    await page.reload()
    await page.getByRole('button', { name: 'Discard…' }).click()
    await page.getByRole('button', { name: 'Discard job' }).click()
    await page.waitForURL('**/jobs')
    assert.deepEqual(await running.instance.queue.list({ name: 'guestbook.fail' }), [])
  })

  test('shows the cron, runs it, and leads to its run', async () => {
    await page.goto('/crons')
    await page.getByText('guestbook.tidy').waitFor()
    await page.getByRole('button', { name: 'Run now…' }).click()
    await page.getByRole('button', { name: 'Run cron' }).click()
    await page.getByRole('link', { name: 'It was started' }).click()
    await page.waitForURL('**/jobs/*')
    await running.drain()
    await page.reload()
    await page.getByText('done').first().waitFor()
  })

  test('shows what runs and what it is bound to', async () => {
    await page.goto('/')
    await page.getByText(process.env['TEST_VIA'] === 'pgbouncer' ? 'Stage 3' : 'Stage 1').waitFor()
    await page.getByRole('table', { name: 'Processes' }).getByText(`${process.pid} on`).waitFor()
    await page.getByRole('table', { name: 'Bindings' }).getByText('database', { exact: true }).waitFor()
    await page.getByText('PostgreSQL').or(page.getByText('18.')).first().waitFor()
  })

  test('has run nothing, asked nobody else, and complained of nothing', async () => {
    assert.equal(await page.evaluate('window.hacked'), undefined)
    assert.deepEqual(complaints, [])
  })
})
