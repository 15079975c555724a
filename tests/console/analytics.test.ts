/** What visitors of the storefront do, from the click in their browser to the funnel in the console. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import shop from '../../examples/shop/app.ts'
import config from '../../examples/shop/tenfold.config.ts'
import { startTestApp, type TestApp } from '../../packages/tenfold/src/testing.ts'
import { faultsOf } from './axe.ts'
import { describeInBrowser, openBrowser, openPage } from './browser.ts'

const VISITOR = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

describeInBrowser('product analytics in the console', () => {
  let running: TestApp
  let browser: Browser
  let page: Page
  let complaints: string[]

  before(async () => {
    running = await startTestApp(shop, {
      config,
      root: new URL('../../examples/shop/', import.meta.url),
      roles: ['web', 'console'],
      variables: { CONSOLE_PORT: '0' },
    })
    browser = await openBrowser()
    ;({ page, complaints } = await openPage(browser, running.instance.consoleUrl!))
  })
  after(async () => {
    await browser?.close()
    await running?.close()
  })

  const names = async (): Promise<string[]> => (await running.instance.analytics.names()).map(({ name }) => name)
  const untilKnown = async (name: string): Promise<void> => {
    for (const deadline = Date.now() + 20_000; !(await names()).includes(name);) {
      assert.ok(Date.now() < deadline, `no event '${name}' within 20 s`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  test('says how to begin where nothing is tracked yet', async () => {
    await page.goto('/analytics')
    await page.getByText('Nothing tracked yet.').waitFor()
  })

  test('the script of a page reports what its visitor does, and nothing of one who does not want it', async () => {
    const visitor = await browser.newContext({ userAgent: VISITOR, baseURL: running.url })
    const storefront = await visitor.newPage()
    await storefront.goto('/')
    await storefront.evaluate(() =>
      Object.assign(globalThis as { tenfold?: (name: string) => void }).tenfold!('looked closer'),
    )
    // What waits is sent when the page goes.
    await storefront.close({ runBeforeUnload: true })
    await untilKnown('looked closer')
    assert.ok((await names()).includes('page_view'))

    const private_ = await browser.newContext({
      userAgent: VISITOR,
      baseURL: running.url,
      extraHTTPHeaders: { 'sec-gpc': '1' },
    })
    const quiet = await private_.newPage()
    await quiet.goto('/')
    await quiet.evaluate(() => Object.assign(globalThis as { tenfold?: (name: string) => void }).tenfold!('not this'))
    await quiet.close({ runBeforeUnload: true })
    await visitor.close()
    await private_.close()
    // A later event of another visitor is there: what came before it has been looked at.
    await running.instance.analytics.track([{ name: 'later', who: { user: '1' } }])
    assert.ok(!(await names()).includes('not this'))
  })

  test('shows a funnel that is put together by hand, and keeps it', async () => {
    const now = Date.now()
    await running.instance.analytics.track(
      Array.from({ length: 40 }, (_, i) => [
        {
          name: 'opened',
          who: { user: `u${i}` },
          at: new Date(now - 3_600_000 - i),
          properties: { plan: i % 2 ? 'pro' : 'free' },
        },
        ...(i < 10 ? [{ name: 'paid', who: { user: `u${i}` }, at: new Date(now - 60_000) }] : []),
      ]).flat(),
    )
    await page.goto('/analytics')
    await page.getByLabel('1.').selectOption('opened')
    await page.getByLabel('2.').selectOption('paid')
    const funnel = page.getByRole('region', { name: 'Conversion' })
    await funnel.getByText('25 % of the step before').waitFor()
    await page.getByLabel('Split by').fill('plan')
    await page.getByRole('heading', { name: 'pro' }).waitFor()
    await page.getByLabel('Name').fill('Checkout')
    await page.getByRole('button', { name: 'Save this question' }).click()
    await page.goto('/analytics')
    await page.getByRole('link', { name: 'Checkout' }).click()
    await page.getByRole('heading', { name: 'free' }).waitFor()
    await page.getByRole('button', { name: 'Remove Checkout' }).click()
    await page.getByRole('link', { name: 'Checkout' }).waitFor({ state: 'detached' })
  })

  test('filters a step by a property', async () => {
    await page.goto('/analytics?steps=opened,paid')
    await page.getByRole('button', { name: 'Filter' }).first().click()
    await page.getByLabel('Property').fill('plan')
    await page.getByLabel('Value', { exact: true }).fill('pro')
    await page.getByRole('button', { name: 'Apply' }).click()
    await page.getByRole('region', { name: 'Conversion' }).getByText('opened (plan equal pro)').waitFor()
    await page.getByRole('region', { name: 'Conversion' }).getByText('20', { exact: true }).waitFor()
  })

  test('shows who came back, what happened and how many were there', async () => {
    await page.goto('/analytics?view=retention&by=day&days=7')
    await page.getByRole('table', { name: 'Retention' }).getByRole('row').nth(7).waitFor()
    await page.goto('/analytics?view=trend&events=opened,paid')
    await page
      .getByRole('table', { name: 'Totals' })
      .getByRole('row', { name: /opened 40/ })
      .waitFor()
    await page.goto('/analytics?view=paths&start=opened')
    await page
      .getByRole('table', { name: 'Steps of paths' })
      .getByRole('row', { name: /opened/ })
      .first()
      .waitFor()
    await page.goto('/analytics?view=lifecycle&by=day&days=7')
    await page
      .getByRole('table', { name: 'Lifecycle' })
      .getByRole('row', { name: /so far/ })
      .getByRole('cell', { name: /^4\d$/ })
      .first()
      .waitFor()
    await page.goto('/analytics?view=retention&by=day&days=30&columns=rolling')
    await page.getByRole('columnheader', { name: 'days 2–7' }).waitFor()
    await page.goto('/analytics?view=activity')
    await page.getByText('people so far').waitFor()
    const saved = page.waitForEvent('download')
    await page.getByRole('button', { name: 'CSV' }).click()
    assert.equal((await saved).suggestedFilename(), 'activity.csv')
  })

  test('is clean by axe-core, on a desk in light and on a phone in dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize(colorScheme === 'light' ? { width: 1440, height: 900 } : { width: 390, height: 844 })
      for (const view of [
        'funnel&steps=opened,paid',
        'retention',
        'lifecycle',
        'trend',
        'paths&start=opened',
        'activity',
      ]) {
        await page.goto(`/analytics?view=${view}`)
        await page.getByText('answered in').first().waitFor()
        assert.deepEqual(await faultsOf(page), [], `${view}, ${colorScheme}`)
        assert.equal(
          await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
          true,
          `${view} is too wide`,
        )
      }
    }
  })

  test('complains of nothing', () => assert.deepEqual(complaints, []))
})
