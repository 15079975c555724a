import type { Exchange } from './exchange.ts'

/** What the request path asks of the database, where there are replicas: that whoever has written sees it next time, on
 *  whichever instance. */
export interface PositionCarrier {
  accept(token: string | undefined): void
  written(): Promise<string | undefined>
}

/** Clients of the API send back what they were given, as long as they like: it is ignored after a minute. */
export const POSITION_HEADER = 'x-tenfold-position'
/** Browsers do it by themselves. */
const COOKIE = 'tf_position'
const COOKIE_SECONDS = 60

export function acceptPosition(x: Exchange, positions: PositionCarrier): void {
  const header = x.raw.headers[POSITION_HEADER]
  if (typeof header === 'string') positions.accept(header)
  if (x.raw.headers.cookie?.includes(COOKIE)) positions.accept(x.signedCookie(COOKIE))
}

/** Goes out with every answer after a write, also with an error: what was committed before it stays. */
export async function carryPosition(x: Exchange, positions: PositionCarrier): Promise<void> {
  const token = await positions.written()
  if (token === undefined) return
  x.extra.push(POSITION_HEADER, token)
  if (x.bearer === undefined) x.keepCookie(COOKIE, { value: token, maxAge: COOKIE_SECONDS })
}
