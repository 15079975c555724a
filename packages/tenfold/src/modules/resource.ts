import type { Logger } from '../telemetry/index.ts'
import { currentScope } from './scope.ts'

export interface ResourceOptions<S, T> {
  /** Called when it is first asked for, in each process; if it fails, by the next one who asks again. */
  open(context: { readonly settings: S; readonly log: Logger }): T | Promise<T>
  /** Called when the process stops, after its last job and request. */
  close?(opened: T): unknown
}

/** Something that a process opens once and shares: a pool of connections, a loaded model. */
export interface ResourceDefinition<Module extends string = string, T = unknown> {
  readonly kind: 'resource'
  readonly module: Module
  /** `<module>.<name>` */
  readonly name: string
  readonly options: {
    open(context: { readonly settings: never; readonly log: Logger }): T | Promise<T>
    close?(opened: T): unknown
  }
  get(): Promise<T>
}

export function resourceDefinition<Module extends string, S, T>(
  module: Module,
  name: string,
  options: ResourceOptions<S, T>,
): ResourceDefinition<Module, T> {
  const definition: ResourceDefinition<Module, T> = {
    kind: 'resource',
    module,
    name: `${module}.${name}`,
    options: options as unknown as ResourceDefinition<Module, T>['options'],
    get: async () => currentScope(`resource ${module}.${name}`).resource(definition) as Promise<T>,
  }
  return definition
}
