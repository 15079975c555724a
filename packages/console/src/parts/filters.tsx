import { useEffect, useRef, useState } from 'preact/hooks'
import { useQuery } from './use-query.ts'

/** A choice kept in the address. The first option is the one that needs no parameter. */
export function Choice(props: { label: string; parameter: string; options: [value: string, name: string][] }) {
  const [query, setQuery] = useQuery()
  const first = props.options[0]?.[0]
  const chosen = query[props.parameter] ?? first
  return (
    <label class="field">
      <span>{props.label}</span>
      <select
        value={chosen}
        onChange={(event) => {
          const { value } = event.currentTarget
          setQuery({ [props.parameter]: value === first ? undefined : value })
        }}
      >
        {props.options.map(([value, name]) => (
          <option key={value} value={value} selected={value === chosen}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}

export function Tick({ label, parameter }: { label: string; parameter: string }) {
  const [query, setQuery] = useQuery()
  return (
    <label class="field tick">
      <input
        type="checkbox"
        checked={query[parameter] === '1'}
        onChange={(event) => setQuery({ [parameter]: event.currentTarget.checked ? '1' : undefined })}
      />
      <span>{label}</span>
    </label>
  )
}

/** A text kept in the address, a moment after the last key. `/` goes to the first one of a page. */
export function Search({ label, parameter, placeholder }: { label: string; parameter: string; placeholder?: string }) {
  const [query, setQuery] = useQuery()
  const given = query[parameter] ?? ''
  const [text, setText] = useState(given)
  const written = useRef(given)
  useEffect(() => {
    // The address was changed elsewhere: by a link, or by going back.
    if (given !== written.current) setText((written.current = given))
  }, [given])
  useEffect(() => {
    if (text === written.current) return
    const timer = setTimeout(() => setQuery({ [parameter]: (written.current = text) || undefined }), 250)
    return () => clearTimeout(timer)
  })
  return (
    <label class="field search">
      <span>{label}</span>
      <input
        type="search"
        data-search
        value={text}
        placeholder={placeholder}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </label>
  )
}

/** How far back to look. */
export const WINDOWS: [string, string][] = [
  ['60', 'last hour'],
  ['15', 'last 15 minutes'],
  ['360', 'last 6 hours'],
  ['1440', 'last 24 hours'],
  ['10080', 'last 7 days'],
  ['43200', 'last 30 days'],
]

export function WindowChoice() {
  return <Choice label="Show" parameter="minutes" options={WINDOWS} />
}

/** The chosen window: its minutes, and in words. */
export function useWindow(): { minutes: number; words: string } {
  const [query] = useQuery()
  const [value, words] = WINDOWS.find(([minutes]) => minutes === query['minutes']) ?? WINDOWS[0]!
  return { minutes: Number(value), words }
}
