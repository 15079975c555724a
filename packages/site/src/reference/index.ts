/** The part of the documentation that is made from the sources, at each build; nothing of it is kept. */
import { join } from 'node:path'
import { shippedPackages } from '../../../../scripts/packages/licences.ts'
import { placeOf, titleOf, type Page } from '../page.ts'
import { apiReference } from './api.ts'
import { cliReference } from './cli.ts'
import { configurationReference } from './configuration.ts'
import { licenceReference } from './licences.ts'

export async function referencePages(root: string): Promise<Page[]> {
  const framework = join(root, 'packages/tenfold')
  return [
    ...apiReference(framework).map(({ door, markdown }) => pageAt(door.replaceAll('/', '-'), markdown)),
    pageAt('command-line', await cliReference()),
    pageAt('licences', licenceReference(await shippedPackages())),
    pageAt('environment', configurationReference(join(framework, 'src/config/environment.ts'))),
  ]
}

function pageAt(name: string, markdown: string): Page {
  const source = `docs/reference/${name}.md`
  return { source, path: placeOf(source), section: 'reference', title: titleOf(markdown, source), markdown }
}
