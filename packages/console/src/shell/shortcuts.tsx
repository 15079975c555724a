import { useLocation } from 'preact-iso'
import { useEffect, useRef } from 'preact/hooks'
import { useLive } from '../api/live.tsx'
import { PLACES } from './navigation.ts'

/** Listens for the console's keys, and lists them on `?`. */
export function Shortcuts({ open, onToggle }: { open: boolean; onToggle(open: boolean): void }) {
  const { route } = useLocation()
  const { toggle } = useLive()
  const going = useRef(false)

  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
      const place = going.current && PLACES.find(({ key }) => key === event.key)
      going.current = event.key === 'g'
      if (place) route(place.href)
      else if (event.key === '/') document.querySelector<HTMLElement>('[data-search]')?.focus()
      else if (event.key === '?') onToggle(true)
      else if (event.key === 'p') toggle()
      else if (event.key === 'ArrowDown' && document.activeElement === document.body) {
        document.querySelector<HTMLElement>('.row-link')?.focus()
      } else return
      event.preventDefault()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  })
  return open ? <ShortcutList onClose={() => onToggle(false)} /> : null
}

function ShortcutList({ onClose }: { onClose(): void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  const keys: [string, string][] = [
    ['/', 'Search or filter'],
    ['↓ ↑', 'Go through the rows'],
    ['Enter', 'Open the row'],
    ['p', 'Pause or resume live updates'],
    ...PLACES.map(({ key, name }): [string, string] => [`g ${key}`, name]),
    ['?', 'This list'],
    ['Esc', 'Close'],
  ]
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="shortcuts-title">
      <h2 id="shortcuts-title">Keyboard</h2>
      <dl class="shortcuts">
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              {key.split(' ').map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <footer>
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </footer>
    </dialog>
  )
}

function isTyping(event: KeyboardEvent): boolean {
  const { target } = event
  return target instanceof HTMLElement && target.closest('input, select, textarea, dialog, [contenteditable]') !== null
}
