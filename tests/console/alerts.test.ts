import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { createConsole, type Console } from '../../packages/tenfold/src/console/index.ts'
import type { Logger } from '../../packages/tenfold/src/telemetry/index.ts'
import { describeInBrowser, openBrowser, openPage } from './browser.ts'
import { type Sample, sampleSource } from './sample.ts'

describeInBrowser('the alerts in the console, in a real browser', () => {
  let browser: Browser
  let app: Console
  let source: Sample
  before(async () => {
    browser = await openBrowser()
    source = sampleSource()
    const log = new Proxy({} as Logger, { get: () => () => log })
    app = createConsole({ inspector: source, telemetry: { log }, port: 0, access: { kind: 'open' } })
    await app.start()
  })
  after(async () => {
    await browser?.close()
    await app?.stop()
  })

  test('are acknowledged and silenced after asking; a silence is ended, a channel tried', async () => {
    const { page, complaints } = await openPage(browser, app.url())
    await page.goto('/alerts')
    await page.getByRole('link', { name: 'queue-age' }).click()
    await page.getByText('More workers, or a job that takes too long').waitFor()
    for (const [opens, does] of [
      ['Acknowledge…', 'Acknowledge alert'],
      ['Silence…', 'Silence rule'],
    ] as const) {
      await page.getByRole('button', { name: opens }).click()
      await page.getByRole('button', { name: does }).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    await page.getByRole('button', { name: 'End it' }).click()
    await page.getByRole('button', { name: 'Send a test' }).first().click()
    await page.getByText('It was taken.').waitFor()
    assert.deepEqual(source.actions, ['acknowledge queue-age', 'silence queue-age', 'end s1', 'test chat'])
    assert.deepEqual(complaints, [])
  })
})
