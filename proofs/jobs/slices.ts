/** One verdict over several runs, each with its own seed and its own servers: what each found is kept in a file and added up. */
import { readFile, writeFile } from 'node:fs/promises'
import type { Claim } from '../../scripts/claims/index.ts'

interface Slice {
  seed: number
  values: Record<string, number>
}

/** Adds this run to the file; gives the claims of all that are in it. The same seed counts once: the latest run of it.
 *  @param whole what all together have to reach */
export async function addUp(
  file: string,
  seed: number,
  claims: readonly Claim[],
  whole: { jobs: number; kills: number },
): Promise<Claim[]> {
  const before = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Slice[],
    () => [],
  )
  const slice = { seed, values: Object.fromEntries(claims.map(({ claim, value }) => [claim, Number(value)])) }
  const slices = [...before.filter((one) => one.seed !== seed), slice]
  await writeFile(file, `${JSON.stringify(slices, null, 2)}\n`)
  const goals = [whole.jobs, whole.kills]
  return claims.map(({ claim }, i) => {
    const value = slices.reduce((sum, { values }) => sum + values[claim]!, 0)
    const goal = goals[i]
    const told = `${claim}, in ${slices.length} runs`
    return goal === undefined
      ? { claim: told, goal: 0, value, holds: value === 0 }
      : { claim: told, goal: `at least ${goal}`, value, holds: value >= goal }
  })
}
