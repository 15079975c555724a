/** `npm run build`: the packages as they are published, in packages/<name>/dist. `-- --pack <folder>` also packs tarballs there. */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPackages, pack } from './packages/index.ts'
import { repository } from './test/step.ts'

const { values } = parseArgs({ options: { pack: { type: 'string' } } })
for (const folder of await buildPackages((name) => join(repository, 'packages', name, 'dist'))) {
  console.log(folder)
  if (values.pack === undefined) continue
  const { file, size, unpackedSize } = await pack(folder, resolve(values.pack))
  console.log(`  ${file}  ${kilobytes(size)} packed, ${kilobytes(unpackedSize)} unpacked`)
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1000).toLocaleString('en-US')} kB`
}
