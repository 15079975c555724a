import type { GetOptions } from './storage.ts'

/** The bytes that a range stands for in a file of this size; undefined when it lies outside of it. */
export function partOf(
  range: NonNullable<GetOptions['range']>,
  size: number,
): { start: number; end: number } | undefined {
  const start = 'last' in range ? Math.max(0, size - range.last) : range.start
  const end = 'last' in range ? size - 1 : Math.min(range.end ?? size - 1, size - 1)
  const sound = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end
  return sound ? { start, end } : undefined
}
