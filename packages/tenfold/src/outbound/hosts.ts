/** What one client knows of each host that it calls. */
import type { Clock } from '../kernel/index.ts'
import { Bulkhead } from './bulkhead.ts'
import { Circuit, type CircuitState } from './circuit.ts'
import { Budget } from './repeat.ts'
import type { CheckedSettings } from './settings.ts'

export interface Host {
  name: string
  places: Bulkhead
  circuit: Circuit | undefined
  budget: Budget
}

/** Users can name any number of hosts; those that are quiet are forgotten. */
const MOST = 1000

export class Hosts {
  readonly #all = new Map<string, Host>()
  readonly #settings: CheckedSettings
  readonly #clock: Clock
  readonly #onChange: (host: string, to: CircuitState) => void

  constructor(settings: CheckedSettings, clock: Clock, onChange: (host: string, to: CircuitState) => void) {
    this.#settings = settings
    this.#clock = clock
    this.#onChange = onChange
  }

  at({ origin, host: name }: URL): Host {
    const known = this.#all.get(origin)
    if (known) return known
    if (this.#all.size >= MOST) this.#forgetQuiet()
    const { circuit, atOnce, waiting, retryBudget } = this.#settings
    const host: Host = {
      name,
      places: new Bulkhead(atOnce, waiting),
      circuit: circuit && new Circuit(circuit, this.#clock, (to) => this.#onChange(name, to)),
      budget: new Budget(retryBudget),
    }
    this.#all.set(origin, host)
    return host
  }

  all(): Iterable<Host> {
    return this.#all.values()
  }

  #forgetQuiet(): void {
    for (const [origin, { places, circuit }] of this.#all) {
      if (places.running === 0 && (circuit?.state ?? 'closed') === 'closed') this.#all.delete(origin)
      if (this.#all.size < MOST / 2) return
    }
  }
}
