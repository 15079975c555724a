import type { InputOf, OutputOf } from '../kernel/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'
import type { Contract, EventSchemas, Method, Methods } from './contract.ts'

/** The code behind a contract: one function per method, all of them. */
export type Implementation<K extends KitTypes, M extends Methods> = {
  [Name in keyof M]: Answer<K, M[Name]>
}

/** As a conditional type the checker looks through it while it infers, so that `state: 'paid'` stays that literal. */
type Answer<K extends KitTypes, M> = M extends Method & { batch: true }
  ? (
      context: ModuleContext<K> & { readonly inputs: OutputOf<M['input']>[] },
    ) => Promise<readonly InputOf<M['output']>[]>
  : M extends Method
    ? (context: ModuleContext<K> & { readonly input: OutputOf<M['input']> }) => Promise<InputOf<M['output']>>
    : never

export interface ImplementationDefinition<Module extends string = string> {
  readonly kind: 'implementation'
  readonly module: Module
  readonly contract: Contract<Module, Methods, EventSchemas>
  readonly methods: Record<string, (context: never) => Promise<unknown>>
}
