import PDFDocument from 'pdfkit'
import type { z } from 'zod'
import type { Order } from '../orders/contract.ts'

type Order = z.infer<typeof Order>

/** The receipt as a PDF of one or more A4 pages. */
export async function receiptPdf(order: Order): Promise<Buffer> {
  const page = new PDFDocument({
    size: 'A4',
    margin: 60,
    info: { Title: `Receipt ${order.id}`, Author: 'Tenfold Shop' },
  })
  const pieces: Buffer[] = []
  page.on('data', (piece: Buffer) => pieces.push(piece))
  const done = new Promise((resolve, reject) => page.on('end', resolve).on('error', reject))
  draw(page, order)
  page.end()
  await done
  return Buffer.concat(pieces)
}

export function euros(cents: number): string {
  return `${(cents / 100).toFixed(2)} EUR`
}

const [LEFT, RIGHT, BOTTOM] = [60, 535, 760]

function draw(page: PDFKit.PDFDocument, order: Order): void {
  const { name, street, postcode, city, country } = order.address
  page.fontSize(22).text('Receipt').moveDown(0.5)
  page
    .fontSize(10)
    .fillColor('#555')
    .text(`Order ${order.id}`)
    .text(`Placed ${order.placedAt.slice(0, 10)}`)
    .moveDown()
  page
    .fillColor('#000')
    .text(printable(name))
    .text(printable(street))
    .text(printable(`${postcode} ${city}`))
    .text(country)
    .moveDown(2)
  for (const line of order.lines) row(page, `${line.quantity} x ${line.name}`, euros(line.price * line.quantity))
  page
    .moveTo(LEFT, page.y + 4)
    .lineTo(RIGHT, page.y + 4)
    .strokeColor('#999')
    .stroke()
    .moveDown()
  page.font('Helvetica-Bold')
  row(page, 'Total', euros(order.total))
}

function row(page: PDFKit.PDFDocument, what: string, amount: string): void {
  if (page.y > BOTTOM) page.addPage()
  const y = page.y
  page.text(amount, RIGHT - 120, y, { width: 120, align: 'right' })
  page.text(printable(what), LEFT, y, { width: RIGHT - LEFT - 140 }).moveDown(0.4)
}

/** The fonts that every PDF reader brings know Western European letters only; others would come out as noise. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\xa0-\xff]/g, '?')
}
