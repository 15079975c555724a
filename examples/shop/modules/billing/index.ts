import { fraudRate, scoreOrder, suspected } from './fraud.ts'
import { m } from './kit.ts'
import { implementation } from './payments.ts'
import { payments } from './provider.ts'

export default m.build({
  parts: [implementation, scoreOrder, suspected, fraudRate, payments],
  migrations: new URL('./migrations/', import.meta.url),
})
