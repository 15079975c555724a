import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ApiFailure } from '../api/client.ts'

/** Asks before something is done. What cannot be taken back is never one key away: the focus is on Cancel. */
export function Confirm(props: {
  title: string
  /** What will happen, and whether it can be undone. */
  children: ComponentChildren
  /** The verb and its object, such as "Discard job". */
  action: string
  final?: boolean
  onConfirm(): Promise<void>
  onClose(): void
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [failure, setFailure] = useState<string>()
  const [busy, setBusy] = useState(false)
  useEffect(() => dialog.current?.showModal(), [])

  const confirm = async (): Promise<void> => {
    setBusy(true)
    try {
      await props.onConfirm()
      props.onClose()
    } catch (error) {
      const { message, fix } = error as ApiFailure
      setFailure(`${message} ${fix ?? ''}`)
      setBusy(false)
    }
  }
  return (
    <dialog ref={dialog} onClose={props.onClose} aria-labelledby="confirm-title">
      <h2 id="confirm-title">{props.title}</h2>
      <div class="dialog-body">{props.children}</div>
      {failure && (
        <p class="banner trouble" role="alert">
          {failure}
        </p>
      )}
      <footer>
        <button type="button" class="button" autofocus={props.final === true} onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button
          type="button"
          class={props.final ? 'button danger' : 'button primary'}
          autofocus={props.final !== true}
          disabled={busy}
          onClick={() => void confirm()}
        >
          {props.action}
        </button>
      </footer>
    </dialog>
  )
}
