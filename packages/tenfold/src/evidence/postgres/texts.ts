/** What of the texts of statements may be kept. They are parametrised as a rule; whatever was written into one all the same
 *  is somebody's data, and the server shows the texts of others as well. */
import { withoutLiterals } from '../../database/index.ts'

/** As much of a text as `pg_stat_activity` shows: `track_activity_query_size`, 1,024 bytes unless set otherwise, of which a character
 *  that does not fit in whole is left out. */
const SHOWN_BYTES = 1020

/** The statement without values and comments, on one line. */
export function withoutValues(text: string): string {
  return withoutLiterals(text)
    .replaceAll(/(?<![\w."$])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w."])/gi, '?')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 2000)
}

/** What a session was seen doing; ends in `…` where the server may have shown only its beginning. */
export function seenText(text: string): string {
  return withoutValues(text) + (Buffer.byteLength(text) >= SHOWN_BYTES ? '…' : '')
}

const TABLE =
  /\b(?:from|join|into|update|table|copy|vacuum|analyze|cluster)\s+((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))*)/gi
const MOST_TABLES = 4

/** Of a statement in another database, which is nobody's business here: what it does, and to which tables. */
export function outlineOf(text: string): string {
  const bare = withoutValues(text)
  const [verb = ''] = /^\w+/.exec(bare) ?? []
  const tables = [...new Set([...bare.matchAll(TABLE)].map(([, name]) => name!))].slice(0, MOST_TABLES)
  return tables.length === 0 ? `${verb} …` : `${verb} … ${tables.join(', ')}`
}
