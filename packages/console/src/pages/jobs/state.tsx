import { Badge } from '../../parts/card.tsx'
import type { JobRow } from './api.ts'

export function State({ state }: { state: JobRow['state'] }) {
  if (state === 'done') return <span class="faint">done</span>
  const tone = state === 'dead' ? 'trouble' : state === 'running' ? 'active' : 'quiet'
  return <Badge tone={tone}>{state}</Badge>
}
