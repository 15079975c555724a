import { useState } from 'preact/hooks'
import { type Filter, type Selection, useProperties, wordsOf } from './api.ts'

/** One event, and a filter on one of its properties. */
export function PickEvent(props: {
  label: string
  names: string[]
  selection: Selection | undefined
  /** What stands for no choice; without it there always is one. */
  none?: string
  onChange(selection: Selection | undefined): void
}) {
  const { label, names, selection, none, onChange } = props
  const [filtering, setFiltering] = useState(false)
  const unknown = selection && !names.includes(selection.event) ? [selection.event] : []
  return (
    <div class="pick-event">
      <label class="field">
        <span>{label}</span>
        <select
          value={selection?.event ?? ''}
          onChange={({ currentTarget: { value } }) => onChange(value === '' ? undefined : { event: value })}
        >
          {none !== undefined && <option value="">{none}</option>}
          {[...unknown, ...names].map((name) => (
            <option key={name} value={name} selected={name === selection?.event}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {selection && (
        <button type="button" class="button" aria-expanded={filtering} onClick={() => setFiltering(!filtering)}>
          {selection.where?.length ? wordsOf(selection).slice(selection.event.length + 1) : 'Filter'}
        </button>
      )}
      {selection && filtering && (
        <PickFilter
          event={selection.event}
          filter={selection.where?.[0]}
          onChange={(filter) => {
            setFiltering(false)
            onChange({ event: selection.event, ...(filter && { where: [filter] }) })
          }}
        />
      )}
    </div>
  )
}

const CONDITIONS: Filter['is'][] = ['equal', 'not equal', 'contains', 'greater', 'less', 'set', 'not set']

function PickFilter(props: { event: string; filter: Filter | undefined; onChange(filter: Filter | undefined): void }) {
  const known = useProperties(props.event).data ?? []
  const [property, setProperty] = useState(props.filter?.property ?? '')
  const [is, setIs] = useState<Filter['is']>(props.filter?.is ?? 'equal')
  const [value, setValue] = useState(String(props.filter?.values?.[0] ?? ''))
  const needsValue = !is.endsWith('set')
  const submit = (event: Event): void => {
    event.preventDefault()
    const number = is === 'greater' || is === 'less'
    props.onChange({ property, is, ...(needsValue && { values: [number ? Number(value) : value] }) })
  }
  return (
    <form class="fields" onSubmit={submit}>
      <input
        required
        aria-label="Property"
        placeholder="property"
        list={`properties-of-${props.event}`}
        value={property}
        onInput={({ currentTarget }) => setProperty(currentTarget.value)}
      />
      <datalist id={`properties-of-${props.event}`}>
        {known.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <select
        aria-label="Condition"
        value={is}
        onChange={({ currentTarget }) => setIs(currentTarget.value as Filter['is'])}
      >
        {CONDITIONS.map((condition) => (
          <option key={condition} value={condition}>
            {condition}
          </option>
        ))}
      </select>
      {needsValue && (
        <>
          <input
            required
            aria-label="Value"
            placeholder="value"
            type={is === 'greater' || is === 'less' ? 'number' : 'text'}
            step="any"
            list={`values-of-${props.event}`}
            value={value}
            onInput={({ currentTarget }) => setValue(currentTarget.value)}
          />
          <datalist id={`values-of-${props.event}`}>
            {known
              .find(({ name }) => name === property)
              ?.values.map((one) => (
                <option key={one} value={one} />
              ))}
          </datalist>
        </>
      )}
      <button class="button">Apply</button>
      {props.filter && (
        <button type="button" class="button" onClick={() => props.onChange(undefined)}>
          Remove
        </button>
      )}
    </form>
  )
}
