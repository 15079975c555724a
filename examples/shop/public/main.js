import { startStorefront } from './storefront.js'

await startStorefront()
