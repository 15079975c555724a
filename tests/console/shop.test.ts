/** The console beside the shop: what a visitor does there can be followed here. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import shop from '../../examples/shop/app.ts'
import config from '../../examples/shop/tenfold.config.ts'
import { startTestApp, type TestApp } from '../../packages/tenfold/src/testing.ts'
import { describeInBrowser, openBrowser, openPage } from './browser.ts'

describeInBrowser('the console of the shop', () => {
  let running: TestApp
  let browser: Browser
  let page: Page
  let complaints: string[]

  before(async () => {
    running = await startTestApp(shop, {
      config,
      root: new URL('../../examples/shop/', import.meta.url),
      roles: ['web', 'worker', 'cron', 'console'],
      variables: { CONSOLE_PORT: '0' },
    })
    browser = await openBrowser()
    ;({ page, complaints } = await openPage(browser, running.instance.consoleUrl!))
    const reply = await running.fetch('/users', {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: new URL(running.url).origin },
      body: JSON.stringify({ email: 'carla@mail.example', name: 'Carla Customer', password: 'a long password' }),
    })
    assert.equal(reply.status, 201)
    await running.drain()
  })
  after(async () => {
    await browser?.close()
    await running?.close()
  })

  test('shows the welcome mail that a sign-up sent', async () => {
    await page.goto('/mail')
    await page.getByRole('table', { name: 'Mail' }).getByRole('link').first().click()
    await page.locator('.facts').getByText('carla@mail.example').waitFor()
    await page.frameLocator('iframe').getByText('Hello Carla').waitFor()
    await page.getByRole('button', { name: 'Show plain text' }).click()
    await page.locator('pre').getByText('Hello Carla').waitFor()
  })

  test('shows the sign-up as a trace with its queries, and the jobs that followed from it', async () => {
    await page.goto('/requests')
    const trace = page.getByRole('table', { name: 'Traces' }).getByRole('row', { name: /POST \/users/ })
    await trace.getByRole('link').click({ timeout: 30_000 })
    await page
      .getByRole('button', { name: /^query insert/ })
      .first()
      .waitFor()
    await page.goto('/jobs')
    const jobs = page.getByRole('table', { name: 'Jobs', exact: true })
    await jobs
      .getByRole('row', { name: /notifications\..* done/ })
      .first()
      .waitFor()
  })

  test('shows the schedules of all its crons in words', async () => {
    await page.goto('/crons')
    await page.getByText('orders.expire-carts').waitFor()
    await page.getByText('at minute 15 of every hour').waitFor()
  })

  test('draws the map of its modules, and hides what is secret', async () => {
    await page.goto('/modules')
    await page.getByRole('img', { name: /orders calls billing.*notifications listens to orders/ }).waitFor()
    const environment = page.getByRole('table', { name: 'Environment' })
    await environment.getByRole('row', { name: /SECRET_KEY.*\(hidden\)/ }).waitFor()
    const address = await environment.getByRole('row', { name: /^DATABASE_URL/ }).innerText()
    assert.match(address, /postgres:\/\/\w+:…@/)
  })

  test('complains of nothing', () => {
    assert.deepEqual(complaints, [])
  })
})
