/** Which traces are sampled, decided where they begin and told to whoever is called, in the flags of `traceparent`.
 *  Everything is recorded all the same: what failed or was slow is kept and exported whatever was decided here. */
export interface HeadSampler {
  /** Whether the decision of a caller is followed, when there is one. */
  parent: boolean
  /** Of the others, from 0 to 1. */
  ratio: number
}

/** Bit 0 of `traceparent`'s flags. */
export const SAMPLED = 1

/** The flags of a trace. The same trace id is decided alike in every process: it is random, and its last 56 bits are compared
 *  with the ratio. https://www.w3.org/TR/trace-context-2/#randomness-of-trace-id */
export function flagsOf(sampler: HeadSampler | undefined, traceId: string, parentFlags: number | undefined): number {
  if (!sampler || (sampler.parent && parentFlags !== undefined)) return parentFlags ?? SAMPLED
  const others = (parentFlags ?? 0) & ~SAMPLED
  return Number.parseInt(traceId.slice(18), 16) < sampler.ratio * 2 ** 56 ? others | SAMPLED : others
}
