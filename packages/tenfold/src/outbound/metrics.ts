import type { Telemetry } from '../telemetry/index.ts'
import type { CircuitState } from './circuit.ts'
import type { OpenClient } from './client.ts'

/** What happens beside the exchanges themselves, which the watch counts. */
export interface Tallies {
  repeated(client: string, host: string, how: 'retry' | 'hedge'): void
  refused(client: string, host: string, why: 'busy' | 'open'): void
  circuit(client: string, host: string, to: CircuitState): void
}

export function createTallies({ metrics }: Telemetry, clients: ReadonlySet<OpenClient>): Tallies {
  const repeated = metrics.counter('tenfold.client.repeated', {
    help: 'Outgoing requests that were sent again.',
    unit: '{request}',
  })
  const refused = metrics.counter('tenfold.client.refused', {
    help: 'Outgoing calls that were not sent: the host has no place, or is left alone.',
    unit: '{call}',
  })
  const changes = metrics.counter('tenfold.client.circuit.changes', {
    help: 'How often the circuit of a host opened, half opened and closed.',
    unit: '{change}',
  })
  const each = (read: (host: { running: number; waiting: number; state: CircuitState }) => number) => () =>
    [...clients].flatMap((client) =>
      [...client.hosts.all()].map(({ name, places, circuit }) => ({
        value: read({ running: places.running, waiting: places.waiting, state: circuit?.state ?? 'closed' }),
        labels: { client: client.name, 'server.address': name },
      })),
    )
  metrics.observe(
    'tenfold.client.circuit',
    { help: 'Whether a host is left alone: 0 no, 1 yes, 0.5 it is being tried.', unit: '1' },
    each(({ state }) => ({ closed: 0, 'half-open': 0.5, open: 1 })[state]),
  )
  metrics.observe(
    'tenfold.client.active',
    { help: 'Outgoing calls that run.', unit: '{call}' },
    each(({ running }) => running),
  )
  metrics.observe(
    'tenfold.client.waiting',
    { help: 'Outgoing calls that wait for a place.', unit: '{call}' },
    each(({ waiting }) => waiting),
  )
  return {
    repeated: (client, host, how) => repeated.add(1, { client, 'server.address': host, how }),
    refused: (client, host, why) => refused.add(1, { client, 'server.address': host, why }),
    circuit: (client, host, to) => changes.add(1, { client, 'server.address': host, to }),
  }
}
