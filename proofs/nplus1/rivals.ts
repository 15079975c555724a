/** Other rules, written anew after their documentation, judged on the same queries as ours. */

/** One statement as it was sent. */
export interface Sent {
  fingerprint: string
  /** The frames of the app's own code, as one text. */
  stack: string
  inTransaction: boolean
}

export interface Rival {
  name: string
  judge(sent: readonly Sent[]): boolean
}

export const rivals: readonly Rival[] = [
  {
    // https://github.com/charkost/prosopite: the same statement from the same stack at least twice, reads only.
    name: 'as Prosopite: same fingerprint and stack, twice',
    judge: (sent) =>
      most(
        sent.filter(({ fingerprint }) => /^\s*(?:select|with)\b/i.test(fingerprint)),
        ({ fingerprint, stack }) => `${fingerprint}\n${stack}`,
      ) >= 2,
  },
  {
    name: 'by count: the same fingerprint five times outside of a transaction',
    judge: (sent) =>
      most(
        sent.filter((one) => !one.inTransaction),
        ({ fingerprint }) => fingerprint,
      ) >= 5,
  },
]

function most(sent: readonly Sent[], keyOf: (one: Sent) => string): number {
  return Math.max(0, ...[...Map.groupBy(sent, keyOf).values()].map((same) => same.length))
}
