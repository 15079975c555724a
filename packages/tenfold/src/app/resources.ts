/** What modules open once in a process, and its end. */
import { messageOf } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { ResourceDefinition } from '../modules/index.ts'
import type { ContextOf } from './contexts.ts'

export interface Resources {
  get(definition: ResourceDefinition<string, any>): Promise<unknown>
  close(): Promise<void>
}

export function createResources(contextOf: ContextOf, { log }: Telemetry): Resources {
  const opened = new Map<ResourceDefinition<string, any>, Promise<unknown>>()
  return {
    get(definition) {
      const there = opened.get(definition)
      if (there) return there
      const context = contextOf(definition.module, AbortSignal.abort())
      const opening = (async () => definition.options.open(context as Parameters<typeof definition.options.open>[0]))()
      opened.set(definition, opening)
      opening.catch(() => opened.delete(definition))
      return opening
    },
    async close() {
      for (const [{ name, options }, opening] of [...opened].reverse()) {
        await opening
          .then((value) => options.close?.(value))
          .catch((error: unknown) =>
            log.warn('A resource did not close.', { resource: name, reason: messageOf(error) }),
          )
      }
      opened.clear()
    },
  }
}
