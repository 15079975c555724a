import { api } from '../api.js'
import { euros, h } from '../dom.js'

const STATES = {
  placed: ['wait', 'Being paid …'],
  paid: ['good', 'Paid'],
  payment_failed: ['bad', 'Not paid'],
  refunding: ['wait', 'Money on its way back …'],
  refunded: ['good', 'Refunded'],
}
const FAILURES = { declined: 'The card was declined.', out_of_stock: 'Somebody was quicker: nothing is left.' }

export async function orders({ leave }) {
  const { items, next } = await api('GET /orders')
  if (items.length === 0)
    return h('p', { class: 'empty' }, 'No orders so far. ', h('a', { href: '#/' }, 'Look around.'))
  const list = h(
    'ul',
    { class: 'orders' },
    items.map((order) => live(order, leave)),
  )
  let after = next
  const more = h('button', { class: 'plain more', hidden: !after, onclick: showMore }, 'Older orders')
  return h('section', {}, h('h1', {}, 'Orders'), list, more)

  async function showMore() {
    const page = await api('GET /orders', { query: { after } })
    list.append(...page.items.map((order) => live(order, leave)))
    after = page.next
    more.hidden = !after
  }
}

/** An order whose state is looked up until it is decided, or the page is left. */
function live(order, leave) {
  let shown = draw(order)
  if (order.state === 'placed' || order.state === 'refunding') setTimeout(look, 700)
  return shown

  async function look() {
    if (leave.aborted) return
    const now = await api('GET /orders/:id', { params: { id: order.id } }).catch(() => order)
    const drawn = draw(now)
    shown.replaceWith(drawn)
    shown = drawn
    if (now.state === 'placed' || now.state === 'refunding') setTimeout(look, 1500)
  }
}

function draw({ id, state, failure, total, placedAt, lines }) {
  const [tone, words] = STATES[state]
  return h(
    'li',
    { class: 'panel' },
    h(
      'div',
      { class: 'head' },
      h(
        'span',
        {},
        h('b', {}, `Order ${id.slice(-8)}`),
        ' ',
        h('time', { class: 'soft', datetime: placedAt }, new Date(placedAt).toLocaleString()),
      ),
      h('span', { class: `state ${tone}` }, words),
    ),
    failure && h('p', { class: 'error' }, FAILURES[failure] ?? failure),
    h(
      'ul',
      { class: 'lines' },
      lines.map((line) =>
        h(
          'li',
          {},
          h('img', { src: `/products/${line.productId}/picture.svg`, alt: '' }),
          h('span', { class: 'name' }, `${line.quantity} × ${line.name}`),
          h('span', { class: 'price' }, euros(line.price * line.quantity)),
        ),
      ),
    ),
    h('p', { class: 'sum' }, h('span', {}, 'Total'), h('span', { class: 'price' }, euros(total))),
  )
}
