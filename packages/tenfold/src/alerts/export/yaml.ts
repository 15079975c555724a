/** A value as YAML: objects and lists over lines, everything else as JSON, which YAML reads. */
export function yaml(value: unknown, indent = ''): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return ' []\n'
    return `\n${value.map((item) => `${indent}-${inItem(item, indent)}`).join('')}`
  }
  if (typeof value !== 'object' || value === null) return ` ${JSON.stringify(value)}\n`
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  if (entries.length === 0) return ' {}\n'
  return `\n${entries.map(([name, item]) => `${indent}${name}:${yaml(item, `${indent}  `)}`).join('')}`
}

/** The first line of an object stands beside the dash. */
function inItem(item: unknown, indent: string): string {
  const text = yaml(item, `${indent}  `)
  return typeof item === 'object' && item !== null && text.startsWith('\n') ? ` ${text.slice(1).trimStart()}` : text
}
