/** The numbers of a report as a file. A text that a spreadsheet would take for a formula gets an apostrophe in front. */
export function Download({ name, rows }: { name: string; rows: (string | number | null)[][] }) {
  const save = (): void => {
    const text = rows.map((row) => row.map(cell).join(',')).join('\r\n')
    const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }))
    const link = Object.assign(document.createElement('a'), { href: url, download: `${name}.csv` })
    link.click()
    URL.revokeObjectURL(url)
  }
  return (
    <button type="button" class="button" onClick={save}>
      CSV
    </button>
  )
}

function cell(value: string | number | null): string {
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@\t\r]/.test(value ?? '') ? `'${value}` : (value ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
