import { api, whoAmI } from './api.js'
import { h, toast } from './dom.js'
import { account } from './pages/account.js'
import { cart } from './pages/cart.js'
import { orders } from './pages/orders.js'
import { product } from './pages/product.js'
import { products } from './pages/products.js'
import { signIn } from './pages/sign-in.js'

const PAGES = { '': products, product, cart, orders, account, 'sign-in': signIn }
const NEEDS_USER = new Set(['cart', 'orders', 'account'])

export async function startStorefront() {
  /** What the pages share. */
  const shop = { user: null, inCart: 0, refresh, go: (hash) => (location.hash = hash) }
  /** Aborts when another page takes over. */
  let leaving = new AbortController()

  document.querySelector('.search').addEventListener('submit', (event) => {
    event.preventDefault()
    shop.go(`#/?${new URLSearchParams({ q: new FormData(event.target).get('q') })}`)
  })
  addEventListener('hashchange', show)
  await refresh().catch((error) => toast(error.message))
  await show()

  async function show() {
    leaving.abort()
    leaving = new AbortController()
    const leave = leaving.signal
    const { name, id, query } = place()
    const page = NEEDS_USER.has(name) && !shop.user ? signIn : (PAGES[name] ?? products)
    const main = document.querySelector('main')
    main.setAttribute('aria-busy', 'true')
    const content = await page({ ...shop, id, query, leave }).catch((error) =>
      h('p', { class: 'empty' }, error.message),
    )
    if (leave.aborted) return
    main.replaceChildren(content)
    main.removeAttribute('aria-busy')
    if (name) main.focus()
    scrollTo(0, 0)
    drawNavigation(shop)
  }

  async function refresh() {
    shop.user = await whoAmI()
    const lines = shop.user ? (await api('GET /cart')).lines : []
    shop.inCart = lines.reduce((sum, line) => sum + line.quantity, 0)
    drawNavigation(shop)
  }
}

/** `#/product/42?sort=price` -> where that is. */
function place() {
  const [path, search] = location.hash.replace(/^#\/?/, '').split('?')
  const [name, id] = path.split('/')
  return { name, id, query: new URLSearchParams(search) }
}

function drawNavigation({ user, inCart }) {
  const { name } = place()
  const link = (to, ...content) => h('a', { href: `#/${to}`, 'aria-current': to === name && 'page' }, ...content)
  const mine = user && [
    link('orders', 'Orders'),
    link('account', user.avatar ? h('img', { src: user.avatar, alt: user.name }) : user.name.split(' ')[0]),
  ]
  document
    .querySelector('nav')
    .replaceChildren(
      link('cart', 'Cart ', inCart ? h('span', { class: 'badge' }, String(inCart)) : ''),
      ...(mine ?? [link('sign-in', 'Sign in')]),
    )
}
