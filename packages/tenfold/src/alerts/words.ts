import { isAdvice, isBurn, isMetric, type Condition, type Take } from './rule.ts'

/** What a rule reads, and when it is too much, in one line. */
export function conditionWords(when: Condition): string {
  if (isBurn(when)) {
    const { objective, factor, long, slowerThan } = when.burn
    const bad = slowerThan === undefined ? 'failed requests' : `requests slower than ${slowerThan} ms`
    return `${bad} use the budget of ${Number((100 * (1 - objective)).toFixed(4))} % more than ${factor} times too fast, over ${long} and over a twelfth of it`
  }
  if (isAdvice(when)) return `the advisor names a cause, with ${when.advice} confidence at least`
  const { above, below, until, over = '5m' } = when
  const limit = above === undefined ? `below ${below}` : `above ${above}`
  const back = until === undefined ? '' : `, until it is back at ${until}`
  if (!isMetric(when)) return `${when.requests} of ${when.route ?? 'all requests'} over ${over} is ${limit}${back}`
  const each = when.each ? ` for each ${when.each.join(' and ')}` : ''
  return `${takeWords(when.take)} of ${when.metric} over ${over}${each} is ${limit}${back}`
}

function takeWords(take: Take): string {
  if (typeof take === 'string') return take
  const labels = Object.entries(take.share).map(([name, value]) => `${name}=${value}`)
  return `the share with ${labels.join(', ')}`
}
