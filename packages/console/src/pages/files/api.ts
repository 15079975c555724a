import type { FilesPage } from '../../../../tenfold/src/console/held.ts'
import { useApi, type Asked } from '../../api/use-api.ts'
import { withQuery } from '../../api/client.ts'

export type FileRow = FilesPage['files'][number]

export const useFiles = (prefix: string, after: string | undefined): Asked<FilesPage> =>
  useApi<FilesPage>(withQuery('/files', { prefix, after }))
