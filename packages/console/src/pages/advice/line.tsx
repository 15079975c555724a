import { useAdvice } from './api.ts'

/** The verdict in one sentence, for the overview. */
export function AdviceLine() {
  const { data } = useAdvice()
  if (!data) return null
  return (
    <p class={`advice-line ${data.verdict.state === 'harmed' ? 'trouble' : ''}`}>
      <a href="/advice">{data.headline}</a>
    </p>
  )
}
