import { app } from 'tenfold'
import auth from './modules/auth/index.ts'
import billing from './modules/billing/index.ts'
import catalog from './modules/catalog/index.ts'
import media from './modules/media/index.ts'
import notifications from './modules/notifications/index.ts'
import orders from './modules/orders/index.ts'

export default app({
  name: 'shop',
  modules: [auth, catalog, orders, billing, notifications, media],
  pages: new URL('./public/', import.meta.url),
})
