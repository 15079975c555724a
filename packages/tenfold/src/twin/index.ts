/** Ring 6: what happens when two of these run at once? */
export { NothingToAsk } from './errors.ts'
export type { Cause } from './findings.ts'
export { scenarioFromHar } from './har.ts'
export { scenarioFromOpenApi } from './openapi.ts'
export { renderJunit } from './report/junit.ts'
export { renderTerminal } from './report/terminal.ts'
export { readScenario, type Scenario } from './scenario.ts'
export { twin, type TwinOptions, type TwinReport } from './twin.ts'
