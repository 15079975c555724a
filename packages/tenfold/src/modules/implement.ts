import type { InputOf, OutputOf } from '../kernel/index.ts'
import type { KitTypes, ModuleContext } from './context.ts'
import type { Contract, EventSchemas, Methods } from './contract.ts'

/** The code behind a contract: one function per method, all of them. */
export type Implementation<K extends KitTypes, M extends Methods> = {
  [Name in keyof M]: (
    context: ModuleContext<K> & { readonly input: OutputOf<M[Name]['input']> },
  ) => Promise<InputOf<M[Name]['output']>>
}

export interface ImplementationDefinition<Module extends string = string> {
  readonly kind: 'implementation'
  readonly module: Module
  readonly contract: Contract<Module, Methods, EventSchemas>
  readonly methods: Record<string, (context: never) => Promise<unknown>>
}
