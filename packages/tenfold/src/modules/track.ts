import type { AnySchema, InputOf } from '../kernel/index.ts'
import { currentScope } from './scope.ts'

export interface TrackOptions<Properties extends AnySchema> {
  /** Plain values: texts, numbers, booleans. None by default. */
  properties?: Properties
}

export interface TrackedBy {
  /** The user who did it … */
  user?: string
  /** … or the id of a browser that nobody has signed in with. */
  anonymous?: string
  /** What they acted for: `{ company: company.id }`. */
  groups?: Record<string, string>
  /** Defaults to now. */
  at?: Date
  /** A UUID that stays the same when the same thing is tracked again, such as the id of the order: it then counts once. */
  id?: string
}

/** An event of product analytics: something that a person did. For the console's funnels and retention; nothing of the app
 *  may depend on it (that is what `m.event` is for). */
export interface TrackDefinition<Module extends string = string, Properties = never> {
  readonly kind: 'track'
  readonly module: Module
  /** `<module>.<name>` */
  readonly name: string
  readonly options: TrackOptions<AnySchema>
  /** Keeps it, and resolves to whether it was kept. In production it never throws: analytics must not fail a request; what
   *  was not kept is counted and logged. In development and tests, what is wrong with it is thrown. Need not be awaited. */
  track(properties: Properties, by: TrackedBy): Promise<boolean>
}

export function trackDefinition<Module extends string, Properties extends AnySchema>(
  module: Module,
  name: string,
  options: TrackOptions<Properties>,
): TrackDefinition<Module, InputOf<Properties>> {
  const definition: TrackDefinition<Module, InputOf<Properties>> = {
    kind: 'track',
    module,
    name: `${module}.${name}`,
    options,
    track: (properties, by) => currentScope(`track of ${module}.${name}`).track(definition, properties, by),
  }
  return definition
}
