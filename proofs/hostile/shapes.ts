/** Requests whose end two programs could see in different places. Behind each stands a request for /smuggled: who takes it for
 *  one of its own has been fooled. Each is answered with 400, or as one request whose body it is. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const HEAD = 'POST /files/x HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'

export interface Shape {
  name: string
  bytes: string
}

export function shapes(): Shape[] {
  const chunked = (header: string, length = 4): Shape => ({
    name: `length and ${JSON.stringify(header)}`,
    bytes: `${HEAD}Content-Length: ${length}\r\n${header}\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  })
  const lengths = (name: string, headers: string): Shape => ({
    name: `lengths: ${name}`,
    bytes: `${HEAD}${headers}\r\n\r\n${SMUGGLED}`,
  })
  const chunks = (name: string, body: string): Shape => ({
    name: `chunks: ${name}`,
    bytes: `${HEAD}Transfer-Encoding: chunked\r\n\r\n${body}${SMUGGLED}`,
  })
  const lines = (name: string, bytes: string): Shape => ({ name: `lines: ${name}`, bytes })
  return [
    ...[
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: Chunked',
      'Transfer-Encoding:\tchunked',
      'Transfer-Encoding : chunked',
      ' Transfer-Encoding: chunked',
      'X: y\r\n Transfer-Encoding: chunked',
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding: chunked, identity',
      'Transfer-Encoding: identity, chunked',
      'Transfer-Encoding: identity',
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
      'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: \u000bchunked',
      'Transfer-Encoding: "chunked"',
      'Transfer-Encoding: chunked;q=1',
      'Transfer-Encoding\0: chunked',
      'X: y\nTransfer-Encoding: chunked',
      'X: y\rTransfer-Encoding: chunked',
    ].map((header) => chunked(header)),
    lengths('two that differ', `Content-Length: 0\r\nContent-Length: ${SMUGGLED.length}`),
    lengths('a list', `Content-Length: ${SMUGGLED.length}, 0`),
    lengths('a sign', `Content-Length: +0`),
    lengths('negative', 'Content-Length: -1'),
    lengths('hexadecimal', `Content-Length: 0x${SMUGGLED.length.toString(16)}`),
    lengths('a fraction', 'Content-Length: 0.0'),
    lengths('empty', 'Content-Length: '),
    lengths('huge', 'Content-Length: 99999999999999999999'),
    lengths('a space inside', 'Content-Length: 1 0'),
    lengths('a space before the colon', 'Content-Length : 0'),
    lengths('folded', 'Content-Length:\r\n 0'),
    lengths('a bare line feed', 'Content-Length: 0\nX: y'),
    chunks('a size with a sign', '-1\r\n\r\n0\r\n\r\n'),
    chunks('a size with 0x', '0x0\r\n\r\n'),
    chunks('a size that overflows', 'ffffffffffffffff1\r\n\r\n0\r\n\r\n'),
    chunks('spaces before a size', '  0\r\n\r\n'),
    chunks('a bare line feed after a size', '0\n\n'),
    chunks('a bare carriage return', '0\r\r\n'),
    chunks('no end of a chunk', '1\r\nx0\r\n\r\n'),
    chunks('a bare line feed in an extension', '0;a\nb\r\n\r\n'),
    chunks('an underscore in a size', '0_0\r\n\r\n'),
    lines('a line feed in the target', `GET /files/a\n${SMUGGLED}`),
    lines('no version', `GET /files/a\r\n${SMUGGLED}`),
    lines('HTTP/2.0 in a line', `GET /x HTTP/2.0\r\nHost: a\r\n\r\n${SMUGGLED}`),
    lines('HTTP/9.9', `GET /x HTTP/9.9\r\nHost: a\r\n\r\n${SMUGGLED}`),
    lines('a header without a colon', `GET /x HTTP/1.1\r\nHost a\r\n\r\n${SMUGGLED}`),
    lines(
      'an upgrade to h2c',
      `GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 3\r\n\r\nabc`,
    ),
  ]
}
