import type { List } from '../api/use-list.ts'
import { count } from './format.ts'

/** Below a list: how many rows there are, the way to older ones, and back. */
export function ListEnd<Row>({ list }: { list: List<Row> }) {
  return (
    <footer class="list-end">
      <span>{count(list.data?.length ?? 0)} shown</span>
      {list.older && (
        <button type="button" class="button small" onClick={list.older}>
          Show older
        </button>
      )}
      {list.backToNewest && (
        <button type="button" class="button small" onClick={list.backToNewest}>
          Back to the newest, live
        </button>
      )}
    </footer>
  )
}
