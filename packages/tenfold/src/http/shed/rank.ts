import type { Priority } from '../http.ts'

export const PRIORITIES: readonly Priority[] = ['low', 'normal', 'critical']
/** Each priority twice: visitors, and above them who has signed in. */
export const RANKS = PRIORITIES.length * 2

export function rankOf(priority: Priority, signedIn: boolean): number {
  return PRIORITIES.indexOf(priority) * 2 + (signedIn ? 1 : 0)
}
