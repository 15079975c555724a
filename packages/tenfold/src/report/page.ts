export interface Figure {
  label: string
  value: string
  note?: string
  tone?: 'good' | 'trouble' | 'warning'
}

export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

/** A whole page. `body` is HTML that was made with these functions; titles are text. */
export function page({ title, subtitle, body }: { title: string; subtitle: string; body: string }): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(title)}</title>
<style>${STYLE}</style>
<header><h1>${escape(title)}</h1><p>${escape(subtitle)}</p></header>
<main>${body}</main>
</html>
`
}

/** The few numbers that matter most, large. */
export function figures(all: readonly Figure[]): string {
  const one = ({ label, value, note, tone }: Figure): string =>
    `<div class="figure ${tone ?? ''}"><dt>${escape(label)}</dt><dd>${escape(value)}</dd>${note ? `<small>${escape(note)}</small>` : ''}</div>`
  return `<dl class="figures">${all.map(one).join('')}</dl>`
}

/** A table; the first column is text, the last one too with `lastIsText`, the others are numbers. Cells are plain text. */
export function rows(heads: readonly string[], all: readonly (readonly string[])[], lastIsText = false): string {
  const head = heads.map((text) => `<th scope="col">${escape(text)}</th>`).join('')
  const body = all.map((cells) => `<tr>${cells.map((text) => `<td>${escape(text)}</td>`).join('')}</tr>`).join('')
  return `<div class="scroll"><table${lastIsText ? ' class="says"' : ''}><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`
}

const STYLE = `
:root{color-scheme:light dark;--page:light-dark(#f6f6f7,#101215);--surface:light-dark(#fff,#17191d);--line:light-dark(#dfe1e6,#2a2e35);
--hairline:light-dark(#eceef1,#212429);--ink:light-dark(#191c21,#e7e9ec);--dim:light-dark(#5a616d,#9fa6b2);
--focus:light-dark(#2f5fe0,#7ea2ff);--trouble:light-dark(#bb271c,#ff8278);--warning:light-dark(#8a5a00,#e2b553);--band:light-dark(#2f5fe01f,#7ea2ff26)}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:14px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans',Arial,sans-serif;font-variant-numeric:tabular-nums}
header,main{max-width:1080px;margin:0 auto;padding:0 20px}
header{padding-top:32px}
h1{font-size:22px;font-weight:620;letter-spacing:-.01em;margin:0}
header p{margin:2px 0 0;color:var(--dim);overflow-wrap:anywhere}
main{padding-bottom:48px}
section{margin-top:16px;padding:18px;border:1px solid var(--line);border-radius:10px;background:var(--surface)}
h2{margin:0 0 10px;font-size:15px;font-weight:620}
section p{max-width:75ch;margin:6px 0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;margin:20px 0 0;border:1px solid var(--line);border-radius:10px;overflow:hidden;background:var(--line)}
.figure{padding:14px 16px;background:var(--surface)}
.figure dt{color:var(--dim);font-size:12px}
.figure dd{margin:0;font-size:22px;font-weight:600;letter-spacing:-.01em}
.figure small{color:var(--dim);font-size:12px}
.figure.trouble dd{color:var(--trouble)}.figure.warning dd{color:var(--warning)}
.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:16px}
figure{margin:0;min-width:0}
figcaption{display:flex;flex-wrap:wrap;gap:2px 14px;align-items:baseline;font-size:12px;color:var(--dim)}
figcaption b{font-size:13px;color:var(--ink);font-weight:600}
.key::before{content:'';display:inline-block;width:14px;height:0;border-top:2px solid currentColor;margin-right:5px;vertical-align:middle}
.key.dashed::before{border-top-style:dashed}
.key.ink{color:var(--ink)}.key.dim{color:var(--dim)}.key.focus{color:var(--focus)}.key.trouble{color:var(--trouble)}.key.warning{color:var(--warning)}
svg{display:block;width:100%;height:auto;margin-top:6px}
svg text{fill:var(--dim);font-size:11px}
.grid{stroke:var(--hairline)}
.mark{stroke:var(--dim);stroke-dasharray:3 3}
.line{fill:none;stroke:var(--ink);stroke-width:1.8;stroke-linejoin:round}
.line.dim{stroke:var(--dim)}.line.focus{stroke:var(--focus)}.line.trouble{stroke:var(--trouble)}.line.warning{stroke:var(--warning)}
.line.dashed{stroke-dasharray:5 4}
circle{fill:var(--ink);stroke:var(--surface)}circle.dim{fill:var(--dim)}circle.focus{fill:var(--focus)}circle.trouble{fill:var(--trouble)}circle.warning{fill:var(--warning)}
.band{fill:var(--band)}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:13px}
th{color:var(--dim);font-weight:500;font-size:12px;text-align:right;padding:4px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
td{text-align:right;padding:5px 10px;border-bottom:1px solid var(--hairline);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0;white-space:normal;overflow-wrap:break-word;min-width:8em}
tr:last-child td{border-bottom:0}
.says th:last-child,.says td:last-child{text-align:left;white-space:normal;min-width:16em}
.says th:first-child,.says td:first-child{min-width:4em}
code{font:12px ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace}
ul{margin:6px 0;padding-left:18px}
.trouble{color:var(--trouble)}
@media (max-width:560px){svg text{font-size:19px}}
`
