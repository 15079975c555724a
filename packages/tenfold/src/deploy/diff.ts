/** What changes between two stages: configuration, files, the order of steps, what can go wrong, and the way back. */
import type { Facts, Stage, Target } from './deploy.ts'
import { serviceName, splitModule } from './names.ts'
import { MOVES, type Move } from './ladder.ts'
import { planOf } from './plan.ts'

export interface StageDiff {
  from: Stage
  to: Stage
  /** One for each stage in between; nobody should skip one without reading it. */
  moves: readonly Move[]
  files: { path: string; change: 'new' | 'changed' | 'removed'; about: string }[]
}

/** From a higher stage to a lower one the moves are those of the way up, last first: their `back` counts. */
export function diffStages(facts: Facts, from: Stage, to: Stage, targets?: readonly Target[]): StageDiff {
  const [low, high] = from < to ? [from, to] : [to, from]
  const moves = MOVES.filter((move) => move.from >= low && move.to <= high).map((move) => named(move, facts))
  const before = new Map(planOf(facts, from, targets ?? ['machines']).files.map((file) => [file.path, file]))
  const after = new Map(planOf(facts, to, targets ?? ['machines']).files.map((file) => [file.path, file]))
  const files = [...new Set([...before.keys(), ...after.keys()])].flatMap((path): StageDiff['files'] => {
    const [old, now] = [before.get(path), after.get(path)]
    if (!now) return [{ path, change: 'removed', about: old!.about }]
    if (!old) return [{ path, change: 'new', about: now.about }]
    return old.text === now.text ? [] : [{ path, change: 'changed', about: now.about }]
  })
  return { from, to, moves: from < to ? moves : moves.toReversed(), files }
}

/** With the names of this app, so that what is to be typed can be copied. */
function named(move: Move, facts: Facts): Move {
  const names: Record<string, string> = {
    app: facts.app,
    service: serviceName(facts),
    module: splitModule(facts),
    domain: facts.domain,
    'all others': facts.modules.filter((module) => module !== splitModule(facts)).join(','),
  }
  const fill = (texts: readonly string[]): string[] =>
    texts.map((text) => text.replaceAll(/<([\w ]+)>/g, (word, name: string) => names[name] ?? word))
  const { configuration, steps, risks, back } = move
  return { ...move, configuration: fill(configuration), steps: fill(steps), risks: fill(risks), back: fill(back) }
}
