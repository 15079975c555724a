/** So many may be in at a time; the others wait in line. */
export interface Places {
  /** False if it closed before a place came free. */
  enter(): Promise<boolean>
  leave(): void
  /** Whoever waits is sent away. */
  close(): void
}

export function createPlaces(count: number): Places {
  const line: ((entered: boolean) => void)[] = []
  let free = count
  let closed = false
  return {
    enter() {
      if (closed) return Promise.resolve(false)
      if (free > 0) {
        free--
        return Promise.resolve(true)
      }
      return new Promise((resolve) => line.push(resolve))
    },
    leave() {
      const next = line.shift()
      if (next) next(true)
      else free++
    },
    close() {
      closed = true
      for (const next of line.splice(0)) next(false)
    },
  }
}
