import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { explain, REPLAY_WORDS, WORDS } from './words.ts'

const PAGE = new URL('../../../../../docs/findings/migrations.md', import.meta.url)

/** Every finding with its words, for names that stand for any. */
function page(): string {
  const details = {
    schema: 'shop',
    table: 'orders',
    column: 'paid_at',
    name: 'paid',
    type: 'timestamptz',
    to: 'customers',
  }
  const parts = Object.entries({ ...WORDS, ...REPLAY_WORDS }).map(([code, { level }]) => {
    const { why, safe } = explain({ code, details })
    return `## ${code}\n\n${level === 'warning' ? 'A warning. ' : ''}${why}\n\n\`\`\`sql\n${safe}\n\`\`\`\n`
  })
  return `# What is found in migrations

\`tenfold migrate check\` and \`tenfold migrate up\` print these, with the file, the line, and the safe way for the names at hand. Here the table is \`orders\` of module \`shop\`, the column \`paid_at\`. One finding is let pass by \`--! allow: <code> <reason>\` in the file. Codes that begin with \`squawk/\` are explained by squawk itself. [Migrations](../guide/migrations.md) tells the whole story.

${parts.join('\n')}`
}

test('the page of findings says what the program says; UPDATE=1 writes it anew', () => {
  if (process.env.UPDATE === '1') writeFileSync(PAGE, page())
  assert.equal(readFileSync(PAGE, 'utf8'), page())
})

test('a finding that was not named in full still has its words', () => {
  const { why, safe } = explain({ code: 'set-not-null', details: { table: 'orders' } })
  assert.match(why, /orders/)
  assert.match(safe, /alter table orders .*… is not null/)
  assert.deepEqual(explain({ code: 'squawk/ban-x', details: { type: 'Do not.', name: '-- Do that' } }), {
    why: 'Do not.',
    safe: '-- Do that',
  })
})
