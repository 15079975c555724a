import { fraudRate, scoreOrder, suspected } from './fraud.ts'
import { m } from './kit.ts'
import { implementation } from './payments.ts'

export default m.build({
  parts: [implementation, scoreOrder, suspected, fraudRate],
  migrations: new URL('./migrations/', import.meta.url),
})
