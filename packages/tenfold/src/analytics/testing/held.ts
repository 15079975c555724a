import type { SystemDatabase } from '../../database/index.ts'

/** A transaction that is open until `end`: what was stored since it began is copied by columns again and again meanwhile. */
export function holdTransaction(db: SystemDatabase): { end(): Promise<void> } {
  const over = Promise.withResolvers<void>()
  const held = db.transaction(async (tx) => {
    await tx.query('set local idle_in_transaction_session_timeout = 0')
    await tx.query('select pg_current_xact_id()')
    await over.promise
  })
  return {
    end() {
      over.resolve()
      return held
    },
  }
}
