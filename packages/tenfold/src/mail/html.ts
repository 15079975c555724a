/** HTML of mails. What is put in is escaped, unless it is HTML itself: a name with `<` in it stays a name. */

/** Text that is HTML, and may go into a mail as it is. */
export class Html {
  readonly #text: string
  constructor(text: string) {
    this.#text = text
  }
  toString(): string {
    return this.#text
  }
}

export type HtmlValue = Html | string | number | boolean | null | undefined | readonly HtmlValue[]

/** @example
 *  html`<p>Hello ${name},</p>${items.map((item) => html`<li>${item}</li>`)}` */
export function html(strings: TemplateStringsArray, ...values: HtmlValue[]): Html {
  return new Html(strings.reduce((text, part, i) => text + shown(values[i - 1]) + part))
}

/** HTML from elsewhere, as it is: of a renderer such as MJML. Never what users have written. */
export function rawHtml(text: string): Html {
  return new Html(text)
}

const ESCAPED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function shown(value: HtmlValue): string {
  if (value instanceof Html) return value.toString()
  if (Array.isArray(value)) return value.map((one) => shown(one as HtmlValue)).join('')
  if (value === null || value === undefined || value === false || value === true) return ''
  return String(value).replace(/[&<>"']/g, (character) => ESCAPED[character]!)
}
