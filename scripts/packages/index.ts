import { buildCreate } from './create.ts'
import { buildTenfold } from './tenfold.ts'

export { BUDGET, filesLoaded, overBudget } from './budget.ts'
export { notFree, shippedPackages } from './licences.ts'
export { pack, type Packed } from './pack.ts'
export { lockFor, withPackages, type ProjectManifest } from './lock.ts'
export { buildCreate, buildTenfold }

/** Builds every package that is published, each in the folder that `target` names; returns the folders. */
export async function buildPackages(target: (name: string) => string): Promise<string[]> {
  await buildTenfold(target('tenfold'))
  await buildCreate(target('create-tenfold'))
  return [target('tenfold'), target('create-tenfold')]
}
