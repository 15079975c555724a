/** Migrations that a part brings along, so that its tables come with it: see `m.migrations`. */
export interface MigrationsDefinition<Module extends string = string> {
  readonly kind: 'migrations'
  readonly module: Module
  /** `<module>.<name>`: permanent, stored with each migration that was applied. */
  readonly name: string
  readonly directory: URL
}
