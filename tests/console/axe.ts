/** What axe-core finds on a page (https://github.com/dequelabs/axe-core, its rules of WCAG 2.2 A and AA and its best practices).
 *  Playwright runs it from outside, so that the page's policy stays as it is. */
import axe from 'axe-core'
import type { Page } from 'playwright-core'

interface Violation {
  id: string
  help: string
  nodes: { html: string; failureSummary?: string }[]
}

/** One line for each rule that is broken, with the first elements that break it. */
export async function faultsOf(page: Page): Promise<string[]> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source)
  // Colours that are on their way to others are no one's choice: what moves is brought to its end.
  const violations = (await page.evaluate(
    `document.getAnimations().forEach((animation) => Number.isFinite(animation.effect?.getComputedTiming().endTime) && animation.finish()), axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)`,
  )) as Violation[]
  return violations.map(({ id, help, nodes }) => {
    const places = nodes
      .slice(0, 3)
      .map(({ html, failureSummary = '' }) => `${html.slice(0, 160)} – ${failureSummary.split('\n')[1]?.trim()}`)
    return `${id}: ${help} (${nodes.length})\n    ${places.join('\n    ')}`
  })
}
