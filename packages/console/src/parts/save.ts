/** What is on the screen, as a file. */

export type Cell = string | number | null

/** A text that a spreadsheet would take for a formula gets an apostrophe in front. */
export function saveCsv(name: string, rows: readonly (readonly Cell[])[]): void {
  const text = rows.map((row) => row.map(cell).join(',')).join('\r\n')
  save(new Blob([text], { type: 'text/csv' }), `${name}.csv`)
}

/** The picture of a canvas, with its title above, on the background of the page. */
export function savePng(title: string, canvas: HTMLCanvasElement): void {
  const { backgroundColor, color, fontFamily } = getComputedStyle(canvas.closest('.card') ?? document.body)
  const scale = devicePixelRatio
  const head = 28 * scale
  const picture = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height + head })
  const context = picture.getContext('2d')
  if (!context) return
  context.fillStyle = backgroundColor
  context.fillRect(0, 0, picture.width, picture.height)
  context.fillStyle = color
  context.font = `600 ${13 * scale}px ${fontFamily}`
  context.fillText(title, 8 * scale, 19 * scale)
  context.drawImage(canvas, 0, head)
  picture.toBlob((blob) => blob && save(blob, `${title}.png`))
}

function cell(value: Cell): string {
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@\t\r]/.test(value ?? '') ? `'${value}` : (value ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = Object.assign(document.createElement('a'), { href: url, download: name.replaceAll(/[/\\:]/g, '-') })
  link.click()
  URL.revokeObjectURL(url)
}
