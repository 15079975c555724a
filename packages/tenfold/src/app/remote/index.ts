/** Modules that run on other hosts: where they are, how they are called, and how calls from there are answered. */
export { createRemote, type RemoteModule } from './caller.ts'
export { callRoutes } from './endpoint.ts'
export * from './errors.ts'
export { placesOf, strayPlaces, variableOf, type Places } from './places.ts'
export { splitReport, type SplitReport } from './report.ts'
export { createSignatures, type Signatures } from './signature.ts'
