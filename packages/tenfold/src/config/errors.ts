import { defineError } from '../kernel/index.ts'

export interface ConfigProblem {
  /** The variable or setting, such as `PORT` or `billing: PAYMENTS_URL`. */
  at: string
  problem: string
}

/** All that is wrong with the configuration, at once. */
export const BadConfig = defineError('TF_BAD_CONFIG', {
  says: (e: { problems: ConfigProblem[] }) =>
    `The configuration has ${e.problems.length} problem(s):\n${e.problems.map(({ at, problem }) => `  ${at}: ${problem}`).join('\n')}`,
  fix: 'Set or correct these variables (in the environment or in `.env`), then run `tenfold check`.',
})
