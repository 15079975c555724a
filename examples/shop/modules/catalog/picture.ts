/** The shop has no photographer: each product gets a drawing that follows from its id, the same for ever. */
export function drawPicture({ id, name }: { id: string; name: string }): string {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex')
  const at = (i: number, from: number, to: number): number => from + Math.round(((bytes[i] ?? 0) / 255) * (to - from))
  const hue = at(15, 0, 359)
  const colour = (shift: number, light: number): string => `hsl(${(hue + shift) % 360} 55% ${light}%)`
  const shapes = [8, 10, 12].map((i, n) => {
    const [x, y, size] = [at(i, 60, 340), at(i + 1, 60, 240), at(i + 2, 50, 110)]
    return n % 2
      ? `<rect x="${x - size / 2}" y="${y - size / 2}" width="${size}" height="${size}" rx="${size / 5}" fill="${colour(40 * n, 62)}" opacity=".75" transform="rotate(${at(i, 0, 90)} ${x} ${y})"/>`
      : `<circle cx="${x}" cy="${y}" r="${size * 0.7}" fill="${colour(40 * n, 55)}" opacity=".75"/>`
  })
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300" role="img" aria-label="${escapeXml(name)}">` +
    `<rect width="400" height="300" fill="${colour(0, 88)}"/>${shapes.join('')}</svg>`
  )
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
