/** Who waits to come in: the highest rank first, within a rank who came first. Bounded: when it is full, the lowest rank
 *  gives way, and of that one who came last. */
export interface WaitingRoom {
  readonly size: number
  /** Calls `enter` when its turn has come; `leave` when it lost its place or waited for too long. */
  wait(rank: number, until: number, enter: () => void, leave: () => void): void
  /** Lets the next one in; false when nobody waits. */
  next(): boolean
  /** Turns away who has waited for too long. */
  sweep(now: number): void
}

interface Waiting {
  until: number
  enter: () => void
  leave: () => void
}

export function createWaitingRoom(places: number, ranks: number): WaitingRoom {
  const lines = Array.from({ length: ranks }, (): Waiting[] => [])
  let size = 0

  /** Someone below `rank` gives up a place. */
  const makeRoom = (rank: number): boolean => {
    for (let low = 0; low < rank; low++) {
      const last = lines[low]!.pop()
      if (!last) continue
      size--
      last.leave()
      return true
    }
    return false
  }

  return {
    get size() {
      return size
    },
    wait(rank, until, enter, leave) {
      if (size >= places && !makeRoom(rank)) return leave()
      lines[rank]!.push({ until, enter, leave })
      size++
    },
    next() {
      for (let rank = ranks - 1; rank >= 0; rank--) {
        const first = lines[rank]!.shift()
        if (!first) continue
        size--
        first.enter()
        return true
      }
      return false
    },
    sweep(now) {
      for (const line of lines) {
        while (line.length > 0 && line[0]!.until <= now) {
          size--
          line.shift()!.leave()
        }
      }
    },
  }
}
