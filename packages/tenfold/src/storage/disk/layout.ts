/** How keys become paths.
 *
 *    avatars/42.png        avatars/42%2epng.file
 *    Avatars/42.png        %41vatars/42%2epng.file          not the same file where case does not count
 *    a//b                  a/~/b.file
 *    a and a/b             a.file, a/b.file                 a file beside the folder of the same name
 *    x…x (300 times)       x…x+/x…x.file                    no name is longer than file systems allow
 *
 *  Lower-case letters, digits, `-` and `_` stand for themselves; every other byte is written as %xx. */

export const FILE_SUFFIX = '.file'
const CONTINUES = '+'
const EMPTY = '~'
const MAX_NAME = 180

/** The folders of a key and the name of its file. */
export function pathOf(key: string): { folders: string[]; file: string } {
  const names = key.split('/').flatMap((part, i, parts) => {
    const pieces = piecesOf(part)
    const last = pieces.pop()!
    return [...pieces.map((piece) => piece + CONTINUES), i === parts.length - 1 ? last + FILE_SUFFIX : last]
  })
  return { file: names.pop()!, folders: names }
}

/** The bytes of a part of a key as they stand in names, in pieces that are short enough. */
function piecesOf(part: string): string[] {
  if (part === '') return [EMPTY]
  const pieces: string[] = []
  let piece = ''
  for (const byte of Buffer.from(part)) {
    const letter = String.fromCharCode(byte)
    const written = /[a-z0-9_-]/.test(letter) ? letter : `%${byte.toString(16).padStart(2, '0')}`
    if (piece.length + written.length > MAX_NAME) {
      pieces.push(piece)
      piece = ''
    }
    piece += written
  }
  pieces.push(piece)
  return pieces
}

/** What a name in a folder stands for; undefined for what this storage did not make. */
export function meaningOf(name: string): { kind: 'file' | 'folder' | 'continues'; bytes: Buffer } | undefined {
  const kind = name.endsWith(FILE_SUFFIX) ? 'file' : name.endsWith(CONTINUES) ? 'continues' : 'folder'
  const written = kind === 'file' ? name.slice(0, -FILE_SUFFIX.length) : kind === 'continues' ? name.slice(0, -1) : name
  if (written === EMPTY) return { kind, bytes: Buffer.alloc(0) }
  if (!/^([a-z0-9_-]|%[0-9a-f]{2})+$/.test(written)) return undefined
  return {
    kind,
    bytes: Buffer.from(
      written.replace(/%(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
      'latin1',
    ),
  }
}
