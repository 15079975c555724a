import { cartFilled, expireCarts, putInCart, showCart, takeFromCart } from './cart.ts'
import { ordered, placed, placeOrder } from './checkout.ts'
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
    cartFilled,
    takeFromCart,
    expireCarts,
    placeOrder,
    placed,
    ordered,
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
