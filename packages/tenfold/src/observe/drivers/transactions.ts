/** Which transaction each connection is in, told by the statements that pass. */
export interface Transactions<Key> {
  /** Of a statement; undefined outside of one, and for those that begin and end it. */
  of(connection: Key, text: string): object | undefined
}

interface Open<Key> {
  get(connection: Key): object | undefined
  set(connection: Key, transaction: object): unknown
  delete(connection: Key): unknown
}

export function createTransactions<Key>(make: () => Open<Key>): Transactions<Key> {
  const open = make()
  return {
    of(connection, text) {
      const word = /^\s*(begin|start|commit|end|rollback|abort)\b(?!\s+to\b)/i.exec(text)?.[1]?.toLowerCase()
      if (word === undefined) return open.get(connection)
      if (word === 'begin' || word === 'start') open.set(connection, {})
      else open.delete(connection)
      return undefined
    },
  }
}
