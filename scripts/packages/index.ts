import { buildTenfold } from './tenfold.ts'

export { pack, type Packed } from './pack.ts'
export { buildTenfold } from './tenfold.ts'

/** Builds every package that is published, each in the folder that `target` names; returns the folders. */
export async function buildPackages(target: (name: string) => string): Promise<string[]> {
  await buildTenfold(target('tenfold'))
  return [target('tenfold')]
}
