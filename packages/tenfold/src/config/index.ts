/** Ring 1: the configuration, read from the environment. */
export { BadConfig, type ConfigProblem } from './errors.ts'
export { readEnvironment, ROLES, type Environment, type LogLevel, type Role } from './environment.ts'
