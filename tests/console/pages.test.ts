import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { createConsole, type Console, type ConsoleAccess } from '../../packages/tenfold/src/console/index.ts'
import type { Logger } from '../../packages/tenfold/src/telemetry/index.ts'
import { faultsOf } from './axe.ts'
import { describeInBrowser, openBrowser, openPage } from './browser.ts'
import { HOSTILE, type Sample, sampleSource } from './sample.ts'
import { DELIVERY, ENDPOINT } from './sample-webhooks.ts'

const TOKEN = 'a-token-of-more-than-sixteen'
const PAGES = [
  '/',
  '/requests',
  '/requests/trace0003',
  '/queries?open=q4',
  '/findings?open=f2',
  '/advice',
  '/alerts?open=queue-age&all=1',
  '/business',
  '/jobs',
  '/jobs/j0120',
  '/crons',
  '/webhooks',
  `/webhooks/shop/${ENDPOINT}`,
  '/caches',
  '/limits',
  '/sessions?user=u42',
  '/files',
  '/twin',
  '/load?before=20260503-101500',
  '/logs',
  '/mail/m1',
]

describeInBrowser('the pages of the console, in a real browser', () => {
  let browser: Browser
  let app: Console
  let source: Sample
  const opened: { page: Page; complaints: string[] }[] = []

  before(async () => {
    browser = await openBrowser()
  })
  after(() => browser?.close())
  beforeEach(() => serve({ kind: 'open' }))
  afterEach(async () => {
    for (const { page } of opened.splice(0)) await page.context().close()
    await app.stop()
  })
  const serve = async (access: ConsoleAccess, env: 'development' | 'production' = 'development'): Promise<void> => {
    await app?.stop()
    source = sampleSource(env)
    app = createConsole({ inspector: source, telemetry: { log: silent() }, port: 0, access })
    await app.start()
  }
  const open = async (path: string, options?: BrowserContextOptions): Promise<{ page: Page; complaints: string[] }> => {
    const one = await openPage(browser, app.url(), options)
    opened.push(one)
    await one.page.goto(path)
    return one
  }

  test('show everything and run nothing, in light and dark, on a desk and on a phone', async () => {
    for (const viewport of [
      { width: 1440, height: 900 },
      { width: 390, height: 844 },
    ]) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page, complaints } = await open('/', { viewport, colorScheme })
        for (const path of PAGES) {
          await page.goto(path)
          await page.locator('.card').first().waitFor()
          if (path !== '/' && path !== '/crons') await page.getByText(HOSTILE).first().waitFor({ state: 'attached' })
          assert.equal(await page.evaluate('window.hacked'), undefined, path)
          assert.equal(await page.evaluate('document.querySelectorAll("#app script, #app img").length'), 0, path)
          assert.equal(
            await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
            true,
            `${path} is too wide`,
          )
          assert.deepEqual(await page.evaluate(UNNAMED), [], `${path} has controls without a name`)
          // Desk and phone differ in layout, light and dark in colours: two of the four show what axe can see.
          if ((viewport.width === 390) === (colorScheme === 'dark')) assert.deepEqual(await faultsOf(page), [], path)
        }
        assert.deepEqual(complaints, [])
      }
    }
  })

  test('are looked at by something that sees faults', async () => {
    const { page } = await open('/jobs')
    await page.locator('.card').first().waitFor()
    await page.evaluate(`{
      const main = document.querySelector('main')
      main.insertAdjacentHTML('beforeend', '<img src="data:,"><button></button><p>pale</p>')
      main.lastChild.style.color = '#ccc'
    }`)
    const faults = (await faultsOf(page)).map((fault) => fault.split(':')[0])
    for (const rule of ['button-name', 'color-contrast', 'image-alt']) assert.ok(faults.includes(rule), faults.join())
  })

  test('load in less than 150 kB, from one host', async () => {
    const { page, complaints } = await open('/')
    await page.locator('.chart canvas').first().waitFor()
    const bytes = await page.evaluate(
      `performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
        .filter((entry) => !entry.name.includes('/api/')).reduce((sum, entry) => sum + entry.transferSize, 0)`,
    )
    assert.ok(Number(bytes) > 10_000 && Number(bytes) < 150_000, `${bytes} bytes`)
    assert.deepEqual(complaints, [])
  })

  test('say in the overview what is wrong, and lead there', async () => {
    const { page } = await open('/')
    await page.getByText('newer backup than there is. The last attempt: No space is left').waitFor()
    await page.getByText('1 d ago, 48 MB').waitFor()
    await page.getByRole('link', { name: '1 job has used up all attempts.' }).click()
    await page.waitForURL('**/jobs?state=dead')
    assert.equal(await rowsOf(page, 'Jobs'), 1)
  })

  test('keep their filters in the address, so that a link shows the same', async () => {
    const { page } = await open('/requests')
    await page.getByRole('table', { name: 'Traces' }).waitFor()
    await page.getByRole('link', { name: 'POST /orders' }).first().click()
    await page.waitForURL(/name=POST/)
    await page.getByLabel('Only errors').check()
    await page.waitForURL(/error=1/)
    await page.getByLabel('Name').fill('notif')
    await page.waitForURL(/name=notif/)
    const { page: other } = await open(page.url().replace(app.url(), ''))
    await other.getByRole('table', { name: 'Traces' }).waitFor()
    assert.equal(await other.getByLabel('Name').inputValue(), 'notif')
    assert.equal(await other.getByLabel('Only errors').isChecked(), true)
    const names = await other.locator('table[aria-label=Traces] tbody td:nth-child(3) code').allTextContents()
    assert.ok(names.length > 0 && names.every((name) => name === 'notifications.send-receipt'), names.join())
  })

  test('sort by the column that was clicked', async () => {
    const { page } = await open('/requests')
    await page.getByRole('button', { name: 'p95' }).click()
    await page.waitForURL(/sort=p95/)
    assert.equal(
      await page.locator('table[aria-label=Routes] tbody code').first().textContent(),
      'GET /orders/export.csv',
    )
    assert.equal(await page.getByRole('columnheader', { name: 'p95' }).getAttribute('aria-sort'), 'descending')
  })

  test('go back page by page, standing still meanwhile', async () => {
    const { page } = await open('/requests')
    await page.getByRole('button', { name: 'Show older' }).click()
    await page.getByText('200 shown').waitFor()
    await page.getByRole('button', { name: 'Show older' }).click()
    await page.getByText('240 shown').waitFor()
    await page.getByRole('button', { name: 'Back to the newest' }).click()
    await page.getByText('100 shown').waitFor()
  })

  test('show a trace as a waterfall with its queries, its attributes and its log lines', async () => {
    const { page } = await open('/requests/trace0003')
    const step = page.getByRole('button', { name: /^query select session/ })
    await step.focus()
    await page.keyboard.press('Enter')
    await page.getByText('select * from tenfold.sessions where id = $1').waitFor()
    await page.keyboard.press('ArrowDown')
    assert.match(String(await page.evaluate('document.activeElement.textContent')), /^transaction/)
    await page.getByText('modules/orders/checkout.ts:41').waitFor()
    await page.getByText('payment provider did not answer').click()
    await page.getByRole('link', { name: 'All lines of this trace' }).click()
    await page.waitForURL('**/logs?trace=trace0003')
    await page.getByText('payment provider did not answer').waitFor()
    assert.equal(await page.locator('.log li').count(), 1)
  })

  test('name the line of a finding, its cause and the way out', async () => {
    const { page } = await open('/findings')
    await page.getByRole('link', { name: 'modules/orders/checkout.ts:41' }).click()
    await page.waitForURL('**/findings?open=f1')
    await page.getByText("once for each 'product_id' in the result of").waitFor()
    await page.getByText('where id = any($1)').waitFor()
    await page.getByRole('cell', { name: '71 %' }).first().waitFor()
  })

  test('tell for whom a request has waited, and how long', async () => {
    const { page } = await open('/findings?open=f3')
    await page
      .getByRole('heading', { name: 'Slow call in the request path: POST /orders waits for payments.example' })
      .waitFor()
    await page.getByText('412 ms, 83 % of the request').first().waitFor()
  })

  test('retry a dead job after asking', async () => {
    const { page } = await open('/jobs/j0120')
    await page.getByRole('button', { name: 'Retry…' }).click()
    await page.getByRole('dialog').getByText('What its earlier attempts already did is not undone').waitFor()
    await page.getByRole('button', { name: 'Run job again' }).click()
    await page.getByText('It is back in the queue.').waitFor()
    assert.deepEqual(source.actions, ['retry j0120'])
  })

  test('never discard a job by a key pressed too often', async () => {
    const { page } = await open('/jobs/j0120')
    await page.getByRole('button', { name: 'Discard…' }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('This cannot be undone.').waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.deepEqual(source.actions, [])
    await page.getByRole('button', { name: 'Discard…' }).click()
    await page.getByRole('button', { name: 'Discard job' }).click()
    await page.waitForURL('**/jobs')
    assert.deepEqual(source.actions, ['discard j0120'])
  })

  test('run a cron now, and lead to its job', async () => {
    const { page } = await open('/crons')
    await page.getByText('at 03:15 every day').waitFor()
    await page.getByRole('button', { name: 'Run now…' }).last().click()
    await page.getByRole('button', { name: 'Run cron' }).click()
    await page.getByRole('link', { name: 'It was started' }).click()
    await page.waitForURL('**/jobs/j0001')
    assert.deepEqual(source.actions, ['run orders.daily-sales'])
  })

  test('follow the log without a reload, and stop while paused', async () => {
    const { page } = await open('/logs')
    while (!source.followed()) await page.waitForTimeout(20)
    source.addLog(`first ${HOSTILE}`)
    source.announce()
    await page.getByText('first <script>').waitFor()
    await page.getByRole('button', { name: 'Live' }).click()
    await page.getByRole('button', { name: 'Paused' }).waitFor()
    while (source.followed()) await page.waitForTimeout(20)
    source.addLog('second')
    source.announce()
    assert.match(String(await page.evaluate("fetch('/api/logs').then((answer) => answer.text())")), /second/)
    assert.equal(await page.getByText('second').count(), 0)
    await page.getByRole('button', { name: 'Paused' }).click()
    await page.getByText('second').waitFor()
    assert.equal(await page.evaluate('window.hacked'), undefined)
  })

  test('have all processes write more for a while, after asking', async () => {
    const { page } = await open('/logs')
    await page.getByText('All processes write info and above').waitFor()
    await page.getByRole('button', { name: 'Write more…' }).click()
    await page.getByRole('button', { name: 'Write debug lines' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.deepEqual(source.actions, ['log debug for 15 minutes'])
  })

  test('can be used by keyboard alone', async () => {
    const { page } = await open('/jobs')
    await page.getByRole('table', { name: 'Jobs', exact: true }).waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('/')
    assert.equal(await page.evaluate('document.activeElement.type'), 'search')
    await page.keyboard.type('?')
    assert.equal(await page.getByRole('dialog').count(), 0)
    await page.evaluate('document.activeElement.blur()')
    await page.keyboard.press('g')
    await page.keyboard.press('r')
    await page.waitForURL('**/requests')
    const traces = page.getByRole('table', { name: 'Traces' })
    await traces.getByRole('link').first().focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/requests/trace0002')
  })

  test('show mails without running or fetching anything, and only in development', async () => {
    const { page, complaints } = await open('/mail/m2')
    const frame = page.frameLocator('iframe')
    await frame.getByText('Thank you').waitFor()
    assert.equal(await page.locator('iframe').getAttribute('sandbox'), '')
    assert.equal((await frame.locator('h1').boundingBox())?.width, 321, 'its styles are applied')
    assert.equal(await page.evaluate('window.hacked'), undefined)
    assert.ok(
      complaints.some((text) => text.includes('Blocked script execution')),
      complaints.join('\n'),
    )
    assert.ok(complaints.some((text) => text.includes('tracker.invalid') && text.includes('has been blocked')))
    await page.getByRole('button', { name: 'Show plain text' }).click()
    await page.getByText('Thank you.').waitFor()

    await serve({ kind: 'open' }, 'production')
    const { page: production } = await open('/')
    await production.getByText('production · 0.1.0').waitFor()
    assert.equal(await production.getByRole('link', { name: 'Mail' }).count(), 0)
  })

  test('keep the theme that was chosen', async () => {
    const { page } = await open('/', { colorScheme: 'light' })
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
    const light = await background()
    await page.getByRole('button', { name: 'Theme: system' }).click()
    await page.getByRole('button', { name: 'Theme: light' }).click()
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor()
    assert.notEqual(await background(), light)
    await page.reload()
    await page.getByRole('button', { name: 'Theme: dark' }).click()
    assert.equal(await background(), light)
  })

  test('ask for the token, and open for it', async () => {
    await serve({ kind: 'token', token: TOKEN })
    const { page } = await open('/jobs')
    await page.getByLabel('Token').fill('a guess')
    await page.keyboard.press('Enter')
    await page.getByText('That is not the token.').waitFor()
    await page.getByLabel('Token').fill(TOKEN)
    await page.keyboard.press('Enter')
    await page.getByRole('table', { name: 'Jobs', exact: true }).waitFor()
    assert.equal(await page.evaluate('document.cookie'), '')
    await page.context().clearCookies()
    await page.getByRole('link', { name: 'Queries' }).click()
    await page.getByLabel('Token').waitFor()
  })

  test('show no button that acts to whoever may only look, and save what is shown', async () => {
    await serve({ kind: 'token', token: TOKEN, readToken: 'another-token-for-looking' })
    const { page, complaints } = await open('/jobs/j0120')
    await page.getByLabel('Token').fill('another-token-for-looking')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('For looking only').waitFor()
    await page.locator('.card').first().waitFor()
    assert.equal(await page.getByRole('button', { name: 'Discard' }).count(), 0)

    await page.goto('/caches')
    const [csv] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save Caches as CSV' }).click(),
    ])
    assert.equal(csv.suggestedFilename(), 'Caches.csv')
    const text = await readFile(await csv.path(), 'utf8')
    assert.match(text, /^Cache,Asked,Found,[^]*\r\ncatalog\.product,857645,/)
    const [png] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save Loaded as a picture' }).click(),
    ])
    assert.equal((await readFile(await png.path())).toString('latin1', 1, 4), 'PNG')
    assert.deepEqual(complaints, [])
  })
  test('look for indexes when asked to', async () => {
    const { page, complaints } = await open('/indexes?days=30')
    await page.getByText('Nobody has looked yet.').waitFor()
    await page.getByRole('button', { name: 'Look for indexes' }).click()
    await page.getByText('create index concurrently orders_customer_id').waitFor()
    await page.getByText('25.1 k → 31').waitFor()
    assert.equal(await page.evaluate('window.hacked'), undefined)
    assert.deepEqual(source.actions, ['look for indexes of 30 days'])
    assert.deepEqual(complaints, [])
  })
  test('end the sessions of a user after asking', async () => {
    const { page } = await open('/sessions')
    await page.getByText('Whose sessions?').waitFor()
    await page.getByLabel('User').fill('u42')
    await page.getByRole('button', { name: 'End session 7f3a' }).click()
    await page.getByRole('button', { name: 'End all' }).click()
    await page.getByRole('button', { name: 'End them' }).click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    assert.deepEqual(source.actions, ['end u42 7f3a', 'end all u42'])
  })
  test('enable a webhook endpoint, and send again what it has missed', async () => {
    const { page, complaints } = await open('/webhooks')
    await page.getByText('partner.example').waitFor()
    await page.getByRole('link', { name: 'receiver.example' }).first().click()
    await page.getByText('Nothing has arrived for 5 days.').waitFor()
    const answers: [button: string, confirm: string][] = [
      ['Enable…', 'Enable endpoint'],
      ['Replay…', 'Replay'],
      [`Send ${DELIVERY} again`, 'Send it'],
    ]
    for (const [button, confirm] of answers) {
      await page.getByRole('button', { name: button }).click()
      await page.getByRole('dialog').getByRole('button', { name: confirm }).click()
      await page.getByRole('dialog').waitFor({ state: 'hidden' })
    }
    assert.equal(await page.getByText('It is being sent').getAttribute('href'), '/jobs/j0002')
    assert.deepEqual(source.actions, [
      `enable shop ${ENDPOINT}`,
      `replay shop ${ENDPOINT} false`,
      `send shop ${DELIVERY}`,
    ])
    assert.equal(await page.evaluate('window.hacked'), undefined)
    assert.deepEqual(complaints, [])
  })
  test('sign out', async () => {
    await serve({ kind: 'token', token: TOKEN })
    const { page } = await open('/')
    await page.getByLabel('Token').fill(TOKEN)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Token').waitFor()
    await page.reload()
    await page.getByLabel('Token').waitFor()
  })

  test('help where there is nothing to see yet', async () => {
    source.empty()
    const { page, complaints } = await open('/')
    const says: [string, string][] = [
      ['/', 'No measurements yet.'],
      ['/requests', 'No requests in the last hour.'],
      ['/requests', 'No traces yet.'],
      ['/queries', 'No queries in the last hour.'],
      ['/findings', 'Nothing found in the last 24 hours.'],
      ['/jobs', 'No jobs yet.'],
      ['/crons', 'No crons.'],
      ['/logs', 'No log lines yet.'],
      ['/mail', 'No mail yet.'],
    ]
    for (const [path, title] of says) {
      await page.goto(path)
      await page.getByText(title).waitFor()
    }
    await page.goto('/traces-of-nothing')
    await page.getByText('There is no such page.').waitFor()
    assert.deepEqual(complaints, [])
  })

  test('say what failed, and go on when it works again', async () => {
    const { queries } = source
    source.queries = () => Promise.reject(new Error('boom'))
    const { page } = await open('/queries')
    await page.getByText('The console could not answer /api/queries.').waitFor()
    await page.getByText('TF_CONSOLE_FAILED').waitFor()
    source.queries = queries
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('table', { name: 'Queries' }).waitFor()
    await page.goto('/requests/none')
    await page.getByText('There is no trace none.').waitFor()
  })

  test('follow again after a proxy answered in place of the app', async () => {
    const { page } = await open('/jobs')
    await page.getByRole('button', { name: 'Live' }).waitFor() // or the connection that is being made takes the answer
    await page.route('**/api/events', (route) => route.fulfill({ status: 502, body: 'bad gateway' }), { times: 1 })
    await page.reload()
    await page.getByText('No answer').waitFor()
    await page.getByRole('button', { name: 'Live' }).waitFor()
  })

  test('notice that the app is gone, and that it is back', async () => {
    const { page } = await open('/jobs')
    await page.getByRole('button', { name: 'Live' }).waitFor()
    const port = Number(new URL(app.url()).port)
    await app.stop()
    await page.getByText('No answer').waitFor()
    app = createConsole({ inspector: source, telemetry: { log: silent() }, port, access: { kind: 'open' } })
    await app.start()
    await page.getByRole('button', { name: 'Live' }).waitFor()
  })
})

/** Controls that a screen reader could only call "button". */
const UNNAMED = `[...document.querySelectorAll('a, button, input, select, iframe, table, [role=img]')]
  .filter((e) => !(e.getAttribute('aria-label') || e.title || e.labels?.length || e.textContent.trim()))
  .map((e) => e.outerHTML.slice(0, 120))`

async function rowsOf(page: Page, label: string): Promise<number> {
  const table = page.getByRole('table', { name: label, exact: true })
  await table.waitFor()
  return table.locator('tbody tr').count()
}

function silent(): Logger {
  const nothing = (): void => {}
  const log: Logger = {
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    fatal: nothing,
    child: () => log,
    access: nothing,
  }
  return log
}
