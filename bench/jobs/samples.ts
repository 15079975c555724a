/** Of one round. CPU in ms for a thousand jobs. */
export interface Sample {
  value: number
  database?: number
  client?: number
  /** Cores that others used meanwhile. */
  others: number
}

export type Results = Map<string, Map<string, Sample[]>>

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
