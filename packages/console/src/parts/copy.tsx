import { useState } from 'preact/hooks'

/** Puts a text on the clipboard, and says so. */
export function Copy({ text, label }: { text: string; label: string }) {
  const [said, setSaid] = useState<string>()
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setSaid('Copied'),
      () => setSaid('Not allowed by the browser'),
    )
  }
  return (
    <button type="button" class="button small" onClick={copy}>
      <span aria-live="polite">{said ?? label}</span>
    </button>
  )
}
