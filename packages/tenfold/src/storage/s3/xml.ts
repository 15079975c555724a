/** The answers of S3 are flat lists of elements without attributes that matter: what is between two tags is enough. */
export function textIn(xml: string, tag: string): string | undefined {
  const match = new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)
  return match ? decode(match[1]!) : undefined
}

/** What is in each element of this name, as XML. */
export function elementsIn(xml: string, tag: string): string[] {
  return [...xml.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))].map((match) => match[1]!)
}

/** The code of an error; empty where there is none. */
export function codeOf(xml: string): string {
  return textIn(xml, 'Code') ?? ''
}

/** Text to stand between two tags. */
export function escape(text: string): string {
  return text.replace(/[<>&"']/g, (one) => `&#${one.charCodeAt(0)};`)
}

const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|([a-z]+));/gi, (whole, decimal, hex, name: string) =>
    decimal || hex
      ? String.fromCodePoint(decimal ? Number(decimal) : parseInt(hex as string, 16))
      : (NAMED[name] ?? whole),
  )
}
