import type { Client, ClientSettings } from '../outbound/index.ts'
import { currentScope } from './scope.ts'

/** Another service, as a module calls it: `get`, `post`, `put`, `patch`, `delete` and `request`. */
export interface ClientDefinition<Module extends string = string> extends Client {
  readonly kind: 'client'
  readonly module: Module
  /** `<module>.<name>` */
  readonly name: string
  /** Of the module's settings. */
  settingsOf(settings: unknown): ClientSettings
}

export function clientDefinition<Module extends string, S>(
  module: Module,
  name: string,
  options: ClientSettings | ((settings: S) => ClientSettings),
): ClientDefinition<Module> {
  const what = `client ${module}.${name}`
  const open = (): Client => currentScope(what).client(definition)
  const definition: ClientDefinition<Module> = {
    kind: 'client',
    module,
    name: `${module}.${name}`,
    settingsOf: (settings) => (typeof options === 'function' ? options(settings as S) : options),
    request: async (method, path, call) => open().request(method, path, call),
    get: async (path, call) => open().get(path, call),
    post: async (path, call) => open().post(path, call),
    put: async (path, call) => open().put(path, call),
    patch: async (path, call) => open().patch(path, call),
    delete: async (path, call) => open().delete(path, call),
  }
  return definition
}
