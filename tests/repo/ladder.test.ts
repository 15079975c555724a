/** The pages of the ladder say what the code says: names, reasons to go on, rules, prices. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LADDER } from '../../packages/tenfold/src/deploy/index.ts'
import { DEFAULT_PRICES } from '../../packages/tenfold/src/plan/index.ts'
import { readTree } from './tree.ts'

const tree = readTree()
const pages = [...tree].filter(([path]) => /^docs\/ladder\/\d/.test(path))

test('each stage has a page, under its name, with its reason to go on', () => {
  assert.deepEqual(
    pages.map(([, text]) => /^# (.*)/.exec(text)?.[1]),
    LADDER.map(({ stage, name }) => `Stage ${stage}: ${name}`),
  )
  const index = tree.get('docs/ladder/README.md')!
  for (const [i, { leaveWhen }] of LADDER.entries()) {
    assert.ok(pages[i]![1].toLowerCase().includes(leaveWhen.toLowerCase()), leaveWhen)
    assert.ok(index.includes(`| ${leaveWhen} |`), leaveWhen)
  }
})

test('the rules that a page names are those of the advisor', () => {
  const known = [...tree]
    .filter(([path]) => path.startsWith('packages/tenfold/src/advisor/rules/'))
    .flatMap(([, text]) => [...text.matchAll(/code: '([\w-]+)'/g)].map(([, code]) => code!))
  const named = pages.flatMap(([, text]) => [...text.matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)].map(([, code]) => code!))
  assert.ok(named.length >= 8)
  assert.deepEqual(
    named.filter((code) => !known.includes(code)),
    [],
  )
})

test('the prices are sums of the built-in list', () => {
  const of = (kind: 'app' | 'database', cores: number): number =>
    DEFAULT_PRICES[kind].find((machine) => machine.cores === cores)!.price
  const { balancer, cache } = DEFAULT_PRICES
  const many = 2 * of('app', 4) + of('app', 2) + of('database', 4) + balancer
  const replicas = many + of('database', 4)
  const sums = [of('app', 4), of('app', 4) + of('database', 4), many, replicas, replicas + cache]
  sums.push(sums[4]! + 2 * of('app', 2))
  assert.deepEqual(
    pages.map(([, text]) => Number(/About \*\*(\d+) EUR a month\*\*/.exec(text)?.[1])),
    sums,
  )
  const index = tree.get('docs/ladder/README.md')!
  for (const sum of sums) assert.ok(index.includes(`| ${sum} |\n`), String(sum))
})
