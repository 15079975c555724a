import { Card } from '../../parts/card.tsx'
import { Search } from '../../parts/filters.tsx'
import { bytes, count } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { type FileRow, useFiles } from './api.ts'

export function FilesPage() {
  const [{ search = '', after: given }, setQuery] = useQuery()
  // A page of another search is not one of this.
  const after = given?.startsWith(search) ? given : undefined
  const asked = useFiles(search, after)
  return (
    <>
      <PageHead title="Files">
        <Search label="Begins with" parameter="search" placeholder="module/folder/" />
      </PageHead>
      <Loaded
        asked={asked}
        empty={({ files }) =>
          files.length === 0 && (
            <Empty title={search === '' ? 'No files.' : `No file begins with “${search}”.`}>
              <p>
                What modules keep by <code>files.put(…)</code> is listed here, by module.
              </p>
            </Empty>
          )
        }
      >
        {({ files, next }) => (
          <Card
            title="By name"
            note={`${count(files.length)} files of ${bytes(files.reduce((sum, { size }) => sum + size, 0))} on this page`}
            tools={
              <>
                {after !== undefined && (
                  <button type="button" class="button" onClick={() => setQuery({ after: undefined })}>
                    First page
                  </button>
                )}
                {next !== undefined && (
                  <button type="button" class="button" onClick={() => setQuery({ after: next })}>
                    Next page
                  </button>
                )}
              </>
            }
          >
            <Table label="Files" columns={COLUMNS} rows={files} rowKey={({ key }) => key} />
          </Card>
        )}
      </Loaded>
    </>
  )
}

const COLUMNS: Column<FileRow>[] = [
  { key: 'key', head: 'Name', wide: true, cell: ({ key }) => key },
  { key: 'type', head: 'Type', hide: 'phone', cell: ({ contentType }) => contentType },
  { key: 'size', head: 'Size', align: 'right', cell: ({ size }) => bytes(size) },
  {
    key: 'changed',
    head: 'Changed',
    align: 'right',
    hide: 'phone',
    cell: ({ modifiedAt }) => <Time at={modifiedAt} />,
  },
]
