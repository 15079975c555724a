import { api } from '../api.js'
import { euros, h } from '../dom.js'

export async function products({ query }) {
  const filter = {
    q: query.get('q') || undefined,
    category: query.get('category') || undefined,
    sort: query.get('sort') || undefined,
  }
  const [page, categories] = await Promise.all([api('GET /products', { query: filter }), api('GET /categories')])
  if (page.items.length === 0 && categories.length === 0) {
    return h(
      'p',
      { class: 'empty' },
      'The shelves are empty. Fill them with ',
      h('code', {}, 'npm run seed -w shop'),
      '.',
    )
  }
  const list = h('ul', { class: 'grid' }, page.items.map(card))
  let next = page.next
  const more = h('button', { class: 'plain more', hidden: !next, onclick: showMore }, 'Show more')
  return h(
    'section',
    {},
    h('h1', {}, filter.q ? `Found for “${filter.q}”` : (filter.category ?? 'New in the shop')),
    h(
      'div',
      { class: 'filters' },
      chip('All', { category: undefined }),
      ...categories.map(({ name }) => chip(name, { category: name })),
      chip('Cheapest first', { sort: filter.sort === 'price' ? undefined : 'price' }, filter.sort === 'price'),
    ),
    page.items.length > 0 ? list : h('p', { class: 'empty' }, 'Nothing fits. Try fewer words.'),
    more,
  )

  async function showMore() {
    more.disabled = true
    const following = await api('GET /products', { query: { ...filter, after: next } })
    list.append(...following.items.map(card))
    next = following.next
    more.disabled = false
    more.hidden = !next
  }

  function chip(label, change, current = 'category' in change && change.category === filter.category) {
    const wanted = Object.entries({ ...filter, ...change }).filter(([, value]) => value)
    return h('a', { href: `#/?${new URLSearchParams(wanted)}`, 'aria-current': current && 'true' }, label)
  }
}

function card({ id, name, category, price, stock }) {
  return h(
    'li',
    { class: 'card' },
    h(
      'a',
      { href: `#/product/${id}` },
      h('img', { src: `/products/${id}/picture.svg`, alt: '', loading: 'lazy', width: 400, height: 300 }),
      h(
        'div',
        { class: 'about' },
        h('div', { class: 'name' }, name),
        h('div', { class: 'soft' }, category),
        h('div', { class: 'price' }, stock > 0 ? euros(price) : 'Sold out'),
      ),
    ),
  )
}
