import { currentScope } from './scope.ts'

export interface MetricOptions<Dimension extends string> {
  /** counter: how many. ratio: the share that went well. distribution: how much, as percentiles. */
  kind: 'counter' | 'ratio' | 'distribution'
  /** One sentence. */
  help: string
  /** Of a distribution: `s`, `By`, `EUR` … Defaults to `1`. */
  unit?: string
  /** Few values each: a country, a plan; never an id. */
  dimensions?: readonly Dimension[]
}

/** A business metric: on the console and in the metrics, next to the technical ones. */
export interface MetricDefinition<Module extends string = string, Dimension extends string = string> {
  readonly kind: 'metric'
  readonly module: Module
  /** `<module>.<name>` */
  readonly name: string
  readonly options: MetricOptions<Dimension>
  /** Counts one (or `value`); for a ratio `true` or `false`; for a distribution the value. */
  record(value: number | boolean, dimensions?: Partial<Record<Dimension, string>>): void
}

export function metricDefinition<Module extends string, Dimension extends string>(
  module: Module,
  name: string,
  options: MetricOptions<Dimension>,
): MetricDefinition<Module, Dimension> {
  const definition: MetricDefinition<Module, Dimension> = {
    kind: 'metric',
    module,
    name: `${module}.${name}`,
    options,
    record: (value, dimensions = {}) =>
      currentScope(`metric ${module}.${name}`).record(definition, Number(value), dimensions as Record<string, string>),
  }
  return definition
}
