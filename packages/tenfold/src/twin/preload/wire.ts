/** What bytes on their way to another server mean: enough of five protocols to say what is done, and whether once is enough. */

interface Done {
  what: string
  once: boolean
}

export function describeBytes(text: string, remote: string): Done[] {
  return http(text, remote) ?? redis(text) ?? postgres(text) ?? mysql(text) ?? smtp(text) ?? []
}

/** RFC 9112. GET, HEAD, PUT and DELETE may be repeated by definition (RFC 9110, 9.2.2). */
function http(text: string, remote: string): Done[] | undefined {
  const head = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r\n/.exec(text)
  if (!head) return undefined
  const [, method = '', target = ''] = head
  const host = /\r\nhost: *(\S+)/i.exec(text)?.[1] ?? remote
  return [{ what: `${method} ${host}${general(target.split('?')[0]!)}`, once: method === 'POST' || method === 'PATCH' }]
}

const ADDS =
  /^(incr|incrby|incrbyfloat|decr|decrby|hincrby|hincrbyfloat|zincrby|append|lpush|rpush|lpushx|rpushx|xadd|publish|spublish)$/

/** The Redis serialization protocol: `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n…`, several in one write. */
function redis(text: string): Done[] | undefined {
  if (!/^\*\d+\r\n\$\d+\r\n/.test(text)) return undefined
  return [...text.matchAll(/(?:^|\r\n)\*\d+\r\n\$\d+\r\n([A-Za-z]+)\r\n(?:\$\d+\r\n([^\r\n]*)\r\n)?/g)].map(
    ([, command = '', key = '']) => ({
      what: `redis ${command.toUpperCase()} ${general(key.slice(0, 60))}`.trim(),
      once: ADDS.test(command.toLowerCase()),
    }),
  )
}

/** Postgres, version 3 of the protocol: Query (`Q`) and Parse (`P`), each with its length. */
function postgres(text: string): Done[] | undefined {
  if (!/^[QPBESCDH]/.test(text) || text.length < 6) return undefined
  const found = postgresStatements(text)
  return found.length > 0 ? found : undefined
}

export function postgresStatements(text: string): Done[] {
  const found: Done[] = []
  let at = 0
  while (at + 5 <= text.length) {
    const size = bigEndian(text, at + 1)
    if (size < 4 || size > 1e8) break
    const body = text.slice(at + 5, at + 1 + size)
    const parts = body.split('\0')
    const [name, sql] = text[at] === 'Q' ? ['', parts[0]] : text[at] === 'P' ? parts : []
    if (name) found.push({ what: `sql prepare ${general(name.toLowerCase().slice(0, 40))}`, once: false })
    if (sql) found.push(statement(sql))
    at += 1 + size
  }
  return found
}

/** MySQL: three bytes of length, a number, then 3 (query) or 22 (prepare). */
function mysql(text: string): Done[] | undefined {
  const size = text.charCodeAt(0) + (text.charCodeAt(1) << 8) + (text.charCodeAt(2) << 16)
  const command = text.charCodeAt(4)
  if (size + 4 !== text.length || (command !== 3 && command !== 22)) return undefined
  return [statement(text.slice(5))]
}

function smtp(text: string): Done[] | undefined {
  const from = /^MAIL FROM:/im.test(text)
  return from ? [{ what: 'mail', once: true }] : undefined
}

function statement(sql: string): Done {
  const line = sql.replaceAll(/\s+/g, ' ').trim().toLowerCase()
  const insert = /\binsert into [^ (]+/.exec(line)?.[0]
  const update = /\bupdate [^ ]+ set (.*?)(?: where |$)/.exec(line)
  const grows = update !== null && /(\b[\w".]+) ?= ?\1 ?[+|-]/.test(update[1] ?? '')
  const once = (insert !== undefined && !line.includes('on conflict')) || grows || /^(notify|call)\b/.test(line)
  return { what: `sql ${general(insert ?? line.slice(0, 60))}`, once }
}

/** Numbers and ids differ from run to run. */
function general(text: string): string {
  return text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{20,}|\b[0-9a-f]{16,}\b|\d+/gi, '#')
}

function bigEndian(text: string, at: number): number {
  return Buffer.from(text.slice(at, at + 4), 'latin1').readUInt32BE(0)
}
