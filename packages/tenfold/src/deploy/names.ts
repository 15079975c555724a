import type { Facts } from './deploy.ts'

/** As services, users, folders and Kubernetes objects are named: no underscores. */
export function serviceName({ app }: Pick<Facts, 'app'>): string {
  return app.replaceAll('_', '-')
}

/** The module that becomes a service at stage 6. */
export function splitModule({ split, modules }: Pick<Facts, 'split' | 'modules'>): string {
  return split ?? modules.at(-1)!
}

/** Where a process of the app answers with its metrics; the others on its machine have the ports that follow. */
export const METRICS_PORT = 9464
