import { api } from '../api.js'
import { euros, h, toast } from '../dom.js'

export async function product({ id, user, go, refresh }) {
  const { name, description, category, price, stock } = await api('GET /products/:id', { params: { id } })
  const quantity = h('input', { type: 'number', min: 1, max: Math.min(stock, 100), value: 1, 'aria-label': 'How many' })
  const add = h('button', { onclick: addToCart, disabled: stock === 0 }, stock > 0 ? 'Put in the cart' : 'Sold out')
  return h(
    'article',
    { class: 'sides' },
    h('img', { class: 'picture card', src: `/products/${id}/picture.svg`, alt: '' }),
    h(
      'div',
      { class: 'panel' },
      h('p', { class: 'soft' }, category),
      h('h1', {}, name),
      h('p', {}, description),
      h('p', { class: 'price big' }, euros(price)),
      h('p', { class: 'soft' }, stock > 0 ? `${stock} in stock` : 'None left'),
      h('div', { class: 'buy' }, quantity, add),
    ),
  )

  async function addToCart() {
    if (!user) return go('#/sign-in')
    add.disabled = true
    try {
      await api('PUT /cart/:productId', { params: { productId: id }, body: { quantity: Number(quantity.value) } })
      await refresh()
      toast(`${name} is in the cart`)
    } catch (error) {
      toast(error.message)
    } finally {
      add.disabled = false
    }
  }
}
