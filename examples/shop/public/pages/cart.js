import { api } from '../api.js'
import { euros, field, form, h, toast } from '../dom.js'

export async function cart({ user, go, refresh }) {
  const { lines, total } = await api('GET /cart')
  if (lines.length === 0)
    return h('p', { class: 'empty' }, 'The cart is empty. ', h('a', { href: '#/' }, 'Look around.'))
  // One key for one visit of this page: however often the button is pressed, one order is made.
  const key = crypto.randomUUID()
  return h(
    'section',
    {},
    h('h1', {}, 'Cart'),
    h(
      'div',
      { class: 'sides' },
      h(
        'div',
        { class: 'panel' },
        h('ul', { class: 'lines' }, lines.map(row)),
        h('p', { class: 'sum' }, h('span', {}, 'Total'), h('span', { class: 'price' }, euros(total))),
      ),
      h(
        'div',
        { class: 'panel' },
        h('h2', {}, 'Where to'),
        form(
          order,
          `Order for ${euros(total)}`,
          field('Name', { name: 'name', value: user.name, autocomplete: 'name', maxlength: 100 }),
          field('Street', { name: 'street', autocomplete: 'street-address', maxlength: 200 }),
          h(
            'div',
            { class: 'two' },
            field('Postcode', { name: 'postcode', autocomplete: 'postal-code', maxlength: 20 }),
            field('City', { name: 'city', autocomplete: 'address-level2', maxlength: 100 }),
          ),
          field('Country', {
            name: 'country',
            value: 'DE',
            pattern: '[A-Z]{2}',
            maxlength: 2,
            autocomplete: 'country',
          }),
          h(
            'label',
            {},
            'Card',
            h(
              'select',
              { name: 'card' },
              h('option', { value: 'tok_visa' }, 'Visa of the demonstration'),
              h('option', { value: 'tok_declined' }, 'A card that is declined'),
              h('option', { value: 'tok_visa_us' }, 'A card from the USA'),
            ),
          ),
        ),
      ),
    ),
  )

  function row({ productId, name, price, quantity, stock }) {
    const params = { productId }
    const change = async (event) => {
      await api('PUT /cart/:productId', { params, body: { quantity: Number(event.target.value) } }).catch((error) =>
        toast(error.message),
      )
      await reload()
    }
    const remove = async () => {
      await api('DELETE /cart/:productId', { params })
      await reload()
    }
    return h(
      'li',
      {},
      h('img', { src: `/products/${productId}/picture.svg`, alt: '' }),
      h(
        'span',
        { class: 'name' },
        h('a', { href: `#/product/${productId}` }, name),
        h('br'),
        h('span', { class: 'soft' }, `${euros(price)} each${stock < quantity ? `, only ${stock} left` : ''}`),
      ),
      h('input', {
        type: 'number',
        min: 1,
        max: 100,
        value: quantity,
        'aria-label': `How many of ${name}`,
        onchange: change,
      }),
      h('button', { class: 'plain', onclick: remove, 'aria-label': `Remove ${name}` }, 'Remove'),
    )
  }

  async function reload() {
    await refresh()
    dispatchEvent(new HashChangeEvent('hashchange'))
  }

  async function order({ card, ...address }) {
    await api('POST /orders', { body: { card, address }, headers: { 'idempotency-key': key } })
    await refresh()
    toast('Thank you. The receipt comes by e-mail.')
    go('#/orders')
  }
}
