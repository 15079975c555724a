import assert from 'node:assert/strict'
import { test } from 'node:test'
import { html, rawHtml } from './index.ts'

test('what is put into HTML is escaped, unless it is HTML itself', () => {
  const name = `<script>"&'</script>`
  assert.equal(String(html`<p>${name}</p>`), '<p>&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;</p>')
  assert.equal(String(html`${['a', '<'].map((one) => html`<i>${one}</i>`)}`), '<i>a</i><i>&lt;</i>')
  assert.equal(String(html`${rawHtml('<b>')}${0}${null}${undefined}${true}${['<', [1]]}`), '<b>0&lt;1')
})

test('an object that says it is HTML is not', () => {
  const pretending = { toString: () => '<b>' }
  assert.equal(String(html`${pretending as unknown as string}`), '&lt;b&gt;')
})
