/** How far the event loop is behind, and who is still let in because of it.
 *
 *  What waits for a busy process waits where it cannot be seen: in the sockets. One turn of the event loop reads all of
 *  them, so the length of a turn is how long the next request will wait. Two guards:
 *    - the stop: once long turns follow each other and do not become shorter (a handler that blocks the loop is
 *      followed by shorter ones, and is no overload),
 *      requests are let in during the first `maxDelayMs` of a turn only; the others are turned away, which is quick
 *    - the shares: from then on, each fifth of a second, what the process has managed is dealt out anew, the highest rank
 *      first; a rank for which less is left than comes is let in by that share
 *
 *    calm --[long turns]--> busy --[everybody has come in for a second, short turns]--> calm */
export interface LoopGuard {
  /** Whether a request may come in now. Its rank is asked for only when it matters. */
  lets(request: Ranked): boolean
  readonly busy: boolean
}

export interface Ranked {
  readonly rank: number
}

export interface LoopTimes {
  /** Monotonic milliseconds. */
  now(): number
  /** Calls back when this turn of the event loop has read all its sockets. */
  afterTurn(callback: () => void): void
}

const PATIENCE_MS = 250
/** In a row, each about as long as the one before. */
const LONG_TURNS = 4
const WINDOW_MS = 200
/** Windows in a row without anybody turned away after which all is well. */
const CALM_WINDOWS = 5
/** A turn with fewer requests is long because of something else, which turning requests away would not help. */
const LEAST_REQUESTS = 3

/** From this rank on requests are let in while there is any sense in it. */
const CRITICAL = 4

/** Of `maxDelayMs`: who matters more comes in later in a turn, too. */
function stopAt(rank: number): number {
  return rank < CRITICAL ? 0.5 + rank * 0.25 : 2.5
}

export function createLoopGuard(maxDelayMs: number, ranks: number, times: LoopTimes): LoopGuard {
  let turnStart = 0
  let inTurn = false
  let requests = 0
  /** Since when each turn was too long. */
  let longSince: number | undefined
  let longTurns = 0
  let lastLength = 0
  let busy = false
  let windowStart = 0
  let longest = 0
  let came = Array.from({ length: ranks }, () => 0)
  let letIn = 0
  let stopped = 0
  let calmWindows = 0
  let target = Infinity
  const shares = Array.from({ length: ranks }, () => 1)

  const beginTurn = (now: number): void => {
    inTurn = true
    turnStart = now
    requests = 0
    times.afterTurn(endTurn)
  }

  const endTurn = (): void => {
    const now = times.now()
    const length = now - turnStart
    const ours = requests >= LEAST_REQUESTS
    // The loop does not pause after a long turn: the next one begins here, with its timers and the answers of others.
    if (length >= maxDelayMs / 2) beginTurn(now)
    else inTurn = false
    const shrinks = length < lastLength * 0.8
    lastLength = length
    if (length > longest) longest = length
    if (length < maxDelayMs || !ours) longSince = undefined
    else if (longSince === undefined || shrinks) {
      longSince ??= now - length
      longTurns = 1
    } else longTurns++
    if (!busy && longSince !== undefined && longTurns >= LONG_TURNS && now - longSince >= PATIENCE_MS) becomeBusy(now)
    else if (busy && now - windowStart >= WINDOW_MS) dealOut(now)
  }

  /** Whether this turn, not yet over, is long already, and no shorter than the long one before. */
  const isOverrun = (now: number): boolean => {
    const elapsed = now - turnStart
    if (longSince === undefined || elapsed < maxDelayMs || elapsed < lastLength) return false
    if (now - longSince < PATIENCE_MS) return false
    becomeBusy(now)
    return true
  }

  const becomeBusy = (now: number): void => {
    busy = true
    calmWindows = 0
    target = Infinity
    shares.fill(1)
    beginWindow(now)
  }

  const beginWindow = (now: number): void => {
    windowStart = now
    longest = letIn = stopped = 0
    came = Array.from({ length: ranks }, () => 0)
  }

  /** What came in is what the process can do, if the stop had to help; without it, a little more may be tried. */
  const dealOut = (now: number): void => {
    const seconds = (now - windowStart) / 1000
    const managed = letIn / seconds
    target = stopped > 0 ? managed * 1.05 : Math.max(target === Infinity ? managed : target, managed) * 1.15 + 5
    let left = target
    let all = true
    for (let rank = ranks - 1; rank >= 0; rank--) {
      const coming = came[rank]! / seconds
      shares[rank] = coming === 0 ? 1 : Math.min(1, Math.max(left / coming, 0))
      if (shares[rank]! < 1) all = false
      left = Math.max(0, left - coming)
    }
    calmWindows = all && stopped === 0 && longest < maxDelayMs ? calmWindows + 1 : 0
    if (calmWindows >= CALM_WINDOWS) {
      busy = false
      longSince = undefined
    }
    beginWindow(now)
  }

  return {
    get busy() {
      return busy
    },
    lets(request) {
      const now = times.now()
      if (!inTurn) beginTurn(now)
      requests++
      if (!busy && !isOverrun(now)) return true
      // Nothing came for a while: what was dealt out then says nothing about now.
      if (now - windowStart > WINDOW_MS * 10) {
        busy = false
        longSince = undefined
        return true
      }
      const { rank } = request
      came[rank]!++
      if (now - turnStart > maxDelayMs * stopAt(rank)) {
        stopped++
        return false
      }
      const share = shares[rank]!
      if (share < 1 && Math.random() >= share) return false
      letIn++
      return true
    },
  }
}
