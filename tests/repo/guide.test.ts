import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../../packages/tenfold/src/cli/index.ts'
import { readTree } from './tree.ts'

const tree = readTree()
const loaded = await Promise.all(commands.map(async ({ name, load }) => ({ name, ...(await load()) })))

/** What the page of the command line has to name, and does not. */
function missingFrom(page: string): string[] {
  const wanted = loaded.flatMap(({ name, options = {} }) => [
    `| \`tenfold ${name}`,
    ...Object.entries(options).map(([option, { value }]) => `\`--${option}${value ? ` ${value}` : ''}\``),
  ])
  return [...new Set(wanted)].filter((words) => !page.includes(words))
}

/** Commands on the page that are not there. */
function unknownOn(page: string): string[] {
  const named = [...page.matchAll(/^\| `tenfold ([a-z]+(?: [a-z0-9]+)?)/gm)].map(([, name]) => name!)
  return named.filter((name) => !commands.some((command) => command.name === name))
}

test('the guide names every command and option, and no others', () => {
  const page = tree.get('docs/guide/cli.md') ?? ''
  assert.deepEqual(missingFrom(page), [])
  assert.deepEqual(unknownOn(page), [])
})

test('a page that lacks a command, or has one too many, is noticed', () => {
  const page = tree.get('docs/guide/cli.md') ?? ''
  assert.deepEqual(
    missingFrom(page.replaceAll('tenfold jobs retry', 'tenfold jobs rerun').replaceAll('--dry-run', '')),
    ['`--dry-run`', '| `tenfold jobs retry'],
  )
  assert.deepEqual(unknownOn(page.replaceAll('tenfold jobs retry', 'tenfold jobs rerun')), ['jobs rerun'])
})

test('the example of the first page is the one that is tested', () => {
  const example = /```ts\n([^]*?)```/.exec(tree.get('README.md') ?? '')?.[1]
  assert.equal(example, tree.get('examples/guestbook/app.ts'))
})

test('the index of the documentation leads to every page of the guide', () => {
  const index = tree.get('docs/README.md') ?? ''
  const pages = [...tree.keys()].filter((path) => path.startsWith('docs/guide/'))
  assert.ok(pages.length > 10)
  assert.deepEqual(
    pages.filter((path) => !index.includes(`](${path.slice('docs/'.length)})`)),
    [],
  )
})

test('the architecture lists every decision', () => {
  const architecture = tree.get('ARCHITECTURE.md') ?? ''
  const decisions = [...tree.keys()].filter((path) => path.startsWith('docs/decisions/'))
  assert.deepEqual(
    decisions.filter((path) => !architecture.includes(`](${path})`)),
    [],
  )
})
