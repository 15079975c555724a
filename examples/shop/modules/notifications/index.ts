import { customerToCrm, orderToCrm, syncCrm } from './crm.ts'
import { hooks, onPaid, onPlaced, onRefunded } from './hooks.ts'
import { m } from './kit.ts'
import { mail, receipt, refund, welcome } from './mails.ts'
import { addEndpoint, listDeliveries, listEndpoints, removeEndpoint } from './webhooks.ts'

export default m.build({
  parts: [
    ...hooks.parts,
    ...mail.parts,
    onPlaced,
    onPaid,
    onRefunded,
    welcome,
    receipt,
    refund,
    addEndpoint,
    listEndpoints,
    removeEndpoint,
    listDeliveries,
    customerToCrm,
    orderToCrm,
    syncCrm,
  ],
  migrations: new URL('./migrations/', import.meta.url),
})
