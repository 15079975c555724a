/** A real Chromium for the tests of the pages. */
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

/** `describe`, where there is a browser; otherwise one failure that says what to do. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (existsSync(executablePath)) describe(name, tests)
  else test(name, () => Promise.reject(new Error('missing: chromium — run scripts/setup')))
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, headless: true, args: FLAGS })
}

/** A page that notes everything it should not do: errors on its console, violations of the policy, requests to other
 *  hosts than `origin`. */
export async function openPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ baseURL: origin, viewport: { width: 1440, height: 900 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000) // on a machine that has other things to do as well
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`))
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(origin) && !url.startsWith('data:') && !url.startsWith('about:'))
      complaints.push(`foreign request: ${url}`)
  })
  return { page, complaints }
}
