import type { ComponentChildren } from 'preact'
import type { ApiFailure } from '../api/client.ts'
import type { Asked } from '../api/use-api.ts'

/** Shows what was asked for, or how far that has come: loading, failed, or empty. */
export function Loaded<T>(props: {
  asked: Asked<T>
  /** What to say instead when there is nothing. */
  empty?: (data: T) => ComponentChildren | false
  children: (data: T) => ComponentChildren
}) {
  const { data, error, loading, refresh } = props.asked
  const gone = error?.status === 404
  if (error && (gone || data === undefined)) return <Failed error={error} {...(!gone && { retry: refresh })} />
  if (data === undefined) return <Skeleton />
  const empty = props.empty?.(data)
  return (
    <div class={loading ? 'stale' : ''} aria-busy={loading}>
      {error && (
        <p class="banner trouble">
          {error.message} What is shown is from before. {error.fix}
        </p>
      )}
      {empty || props.children(data)}
    </div>
  )
}

/** Nothing there: says why that may be, and what to do to see something. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <p class="state-title">{title}</p>
      {children}
    </div>
  )
}

export function Failed({ error, retry }: { error: ApiFailure; retry?: () => void }) {
  return (
    <div class="state" role="alert">
      <p class="state-title">{error.message}</p>
      <p>{error.fix}</p>
      {error.code && <p class="code">{error.code}</p>}
      {retry && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

function Skeleton() {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      <i />
      <i />
      <i />
      <i />
    </div>
  )
}
