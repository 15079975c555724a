/** W3C Trace Context, level 1: `00-<trace id>-<parent span id>-<flags>`. */
export interface TraceParent {
  traceId: string
  spanId: string
  /** Bit 0 says that the caller records this trace. */
  flags: number
}

const SHAPE = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Undefined for anything malformed: a bad header starts a new trace, it never fails a request.
 *  A version after 00 may carry more fields, which are ignored, as the specification asks. */
export function parseTraceparent(header: string | undefined): TraceParent | undefined {
  const match = header === undefined || header.length > 512 ? null : SHAPE.exec(header)
  if (!match) return undefined
  const [, version, traceId, spanId, flags, rest] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ]
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, flags: Number.parseInt(flags, 16) }
}

export function formatTraceparent({ traceId, spanId, flags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${(flags & 0xff).toString(16).padStart(2, '0')}`
}
