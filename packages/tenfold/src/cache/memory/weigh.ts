/** Walks a value once: estimates the bytes that it holds in memory, and freezes its plain objects and arrays if told to.
 *  Dates, Maps, Sets, buffers and instances of classes are weighed but not frozen: JavaScript has no way to. */
export function weigh(value: unknown, freeze: boolean): number {
  if (typeof value === 'string') return weightOfString(value)
  if (typeof value !== 'object' || value === null) return 16
  const seen = new Set<object>()
  const open: object[] = [value]
  let bytes = 0
  const visit = (child: unknown): void => {
    if (typeof child === 'string') bytes += weightOfString(child)
    else if (typeof child === 'object' && child !== null) open.push(child)
    else bytes += 8
  }
  for (let object = open.pop(); object !== undefined; object = open.pop()) {
    if (seen.has(object)) continue
    seen.add(object)
    bytes += 48
    if (ArrayBuffer.isView(object) || object instanceof ArrayBuffer) {
      bytes += object.byteLength
    } else if (Array.isArray(object)) {
      for (const item of object) visit(item)
      if (freeze) Object.freeze(object)
    } else if (object instanceof Map) {
      object.forEach((item, key) => [key, item].forEach(visit))
    } else if (object instanceof Set) {
      for (const item of object) visit(item)
    } else {
      for (const key of Object.keys(object)) {
        bytes += 16
        visit((object as Record<string, unknown>)[key])
      }
      if (freeze && isPlain(object)) Object.freeze(object)
    }
  }
  return bytes
}

/** Most strings hold one byte a character; those that do not are counted as if they did, and an error of two is allowed. */
function weightOfString(text: string): number {
  return 24 + text.length
}

function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object)
  return prototype === null || prototype === Object.prototype
}
