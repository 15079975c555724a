import { m } from './kit.ts'
import { changeProduct, createProduct, picture, product, productPage } from './products.ts'
import { categories, listCategories, search } from './search.ts'
import { implementation, releaseForgotten } from './stock.ts'

export default m.build({
  parts: [
    search,
    categories,
    listCategories,
    product,
    productPage,
    picture,
    createProduct,
    changeProduct,
    implementation,
    releaseForgotten,
  ],
  migrations: new URL('./migrations/', import.meta.url),
})
