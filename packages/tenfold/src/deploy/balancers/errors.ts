import { defineError } from '../../kernel/index.ts'

export const BalancerRefused = defineError('TF_BALANCER_OPTIONS', {
  says: (e: { problems: readonly string[] }) =>
    `The load balancer cannot be configured like that: ${e.problems.join('; ')}.`,
  fix: 'Correct the options named above. Names and paths go into a configuration file, so they may hold plain characters only.',
})
