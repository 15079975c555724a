import { expireCarts, putInCart, showCart, takeFromCart } from './cart.ts'
import { placed, placeOrder } from './checkout.ts'
import { exportNow } from './csv.ts'
import { beginExport, exportOrders, showExport } from './exports.ts'
import { flagOrder } from './flag.ts'
import { m } from './kit.ts'
import { chargeOrder, paid, refundCharge, refunded, refundOrder, releaseStock, resume, success } from './payment.ts'
import { history, implementation, showOrder } from './read.ts'
import { rollUpSales, sales } from './sales.ts'

export default m.build({
  parts: [
    showCart,
    putInCart,
    takeFromCart,
    expireCarts,
    placeOrder,
    placed,
    chargeOrder,
    paid,
    success,
    releaseStock,
    refundOrder,
    refundCharge,
    refunded,
    resume,
    flagOrder,
    history,
    showOrder,
    implementation,
    exportNow,
    beginExport,
    exportOrders,
    showExport,
    rollUpSales,
    sales,
  ],
  migrations: new URL('./migrations/', import.meta.url),
})
