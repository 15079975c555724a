import { customerToCrm, orderToCrm, syncCrm } from './crm.ts'
import { deliverWebhook, onPaid, onPlaced, onRefunded } from './deliver.ts'
import { m } from './kit.ts'
import { receipt, refund, welcome } from './mails.ts'
import { addEndpoint, listDeliveries, listEndpoints, removeEndpoint } from './webhooks.ts'

export default m.build({
  parts: [
    welcome,
    receipt,
    refund,
    addEndpoint,
    listEndpoints,
    removeEndpoint,
    listDeliveries,
    onPlaced,
    onPaid,
    onRefunded,
    deliverWebhook,
    customerToCrm,
    orderToCrm,
    syncCrm,
  ],
  migrations: new URL('./migrations/', import.meta.url),
})
