import { defineError } from '../kernel/index.ts'

export const LimitWindowInvalid = defineError('TF_LIMIT_WINDOW', {
  says: (e: { limiter: string; max: number; burst: number; per: string }) =>
    `Limiter '${e.limiter}' has a window that makes no sense: max ${e.max}, burst ${e.burst}, per '${e.per}'.`,
  fix: "Give at least one window, each with a max above 0, a burst of 1 or more and a length above 0: { max: 20, per: '1m' }.",
})

export const LimitName = defineError('TF_LIMIT_NAME', {
  says: (e: { name: string; taken: boolean }) =>
    e.taken ? `There are two limiters named '${e.name}'.` : `'${e.name}' is not a name for a limiter.`,
  fix: 'Give each limiter a name of its own, of up to 128 printable ASCII characters: its counts are stored under it.',
})

export const LimitCost = defineError('TF_LIMIT_COST', {
  says: (e: { limiter: string; cost: number }) => `A request to limiter '${e.limiter}' has the cost ${e.cost}.`,
  fix: 'Give a cost above 0, or leave it out: an ordinary request costs 1.',
})
