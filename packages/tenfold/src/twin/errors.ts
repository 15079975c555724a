import { defineError } from '../kernel/index.ts'
import type { Said } from './evidence.ts'

export const ScenarioInvalid = defineError('TF_TWIN_SCENARIO', {
  says: (e: { source: string; problems: string[] }) =>
    `The scenario in ${e.source} cannot be used: ${e.problems.join('; ')}.`,
  fix: 'Correct the steps named above; the guide on the twin test describes each kind of step.',
})

export const InstanceEnded = defineError('TF_TWIN_ENDED', {
  says: (e: { command: string; how: string; said: string; evidence: Said[] }) =>
    `'${e.command}' ended (${e.how}) before it accepted a connection.${e.said && ` It said:\n${e.said}`}`,
  fix: 'See that the command runs by itself, and that the server listens on the port in PORT (or put {port} into the command).',
})

export const InstanceNotReady = defineError('TF_TWIN_NOT_READY', {
  says: (e: { command: string; port: number; seconds: number; said: string }) =>
    `'${e.command}' did not answer on port ${e.port} within ${e.seconds} s.${e.said && ` It said:\n${e.said}`}`,
  fix: 'Let the server listen on the port in the variable PORT, or put {port} into the command: tenfold twin -- serve --port {port}',
})

export const ResetFailed = defineError('TF_TWIN_RESET', {
  says: (e: { command: string; code: number; said: string }) => `'${e.command}' failed with ${e.code}: ${e.said}`,
  fix: 'Run the command by hand; it has to end with 0 each time.',
})

export const NothingToAsk = defineError('TF_TWIN_NO_SCENARIO', {
  says: (e: { looked: string[] }) => `There is nothing to ask the app: ${e.looked.join(', ')} did not help.`,
  fix: 'Write the requests into twin.json (`{ "steps": [{ "request": "GET /" }] }`), or name them: --scenario, --har, --openapi, or your own tests with --run.',
})

export const AloneFails = defineError('TF_TWIN_ALONE_FAILS', {
  says: (e: { command: string; said: string }) => `'${e.command}' fails with one instance already:\n${e.said}`,
  fix: 'Let it pass against one instance first; what fails there says nothing about two.',
})

export const PoolerFailed = defineError('TF_TWIN_POOLER', {
  says: (e: { reason: string }) => `PgBouncer could not be put before the database: ${e.reason}`,
  fix: 'See that DATABASE_URL works by itself, with the name and password in it; `--no-pooler` leaves this part out.',
})
