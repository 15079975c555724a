/** What `tenfold twin` asks the shop: a product is added and changed, a customer buys it, and everything is read again. */
const address = { name: 'Ann', street: '1 Long Lane', postcode: '12345', city: 'Bath', country: 'GB' }

export default {
  prepare: 'node twin.seed.ts',
  ready: '/health/ready',
  steps: [
    { request: 'POST /sessions', user: 'admin', body: { email: 'admin@shop.example', password: 'demo-password' } },
    {
      request: 'POST /admin/products',
      user: 'admin',
      body: { sku: 'TWIN-{{number}}', name: 'Mug', description: 'A mug.', category: 'Twins', price: 900, stock: 100 },
      save: { product: 'id' },
    },
    { request: 'GET /products/{{product}}', times: 2 },
    { request: 'PATCH /admin/products/{{product}}', user: 'admin', body: { price: 800 } },
    { request: 'GET /products/{{product}}', times: 2, staleMs: 5000 },
    { request: 'GET /products?q=mug&limit=5' },
    { request: 'GET /categories', staleMs: 5000 },

    {
      request: 'POST /users',
      user: 'ann',
      body: { email: '{{unique}}@mail.example', name: 'Ann', password: 'a long password' },
    },
    { request: 'GET /me', user: 'ann', times: 2 },
    { request: 'PATCH /me', user: 'ann', body: { name: 'Ann Other' } },
    { request: 'GET /sessions/mine', user: 'ann', times: 2 },
    { request: 'PUT /cart/{{product}}', user: 'ann', body: { quantity: 2 } },
    { request: 'GET /cart', user: 'ann', times: 2 },
    {
      request: 'POST /orders',
      user: 'ann',
      headers: { 'idempotency-key': '{{unique}}' },
      body: { card: 'tok_visa', address },
      times: 2,
      save: { order: 'id' },
    },
    { request: 'GET /orders/{{order}}', user: 'ann', until: { state: 'paid' }, withinMs: 20_000 },
    { request: 'GET /orders', user: 'ann' },
    { request: 'GET /cart', user: 'ann' },
    {
      request: 'POST /webhooks',
      user: 'ann',
      body: { url: 'https://example.com/', events: ['order.paid'] },
      save: { hook: 'id' },
    },
    { request: 'GET /webhooks', user: 'ann', times: 2 },
    { request: 'DELETE /webhooks/{{hook}}', user: 'ann' },
    { request: 'DELETE /sessions/mine', user: 'ann' },
    { request: 'GET /me', user: 'ann', times: 2 },
  ],
}
