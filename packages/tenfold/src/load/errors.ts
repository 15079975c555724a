import { defineError } from '../kernel/index.ts'

export const TargetNotLocal = defineError('TF_LOAD_NOT_LOCAL', {
  says: (e: { url: string }) => `${e.url} is not this machine, and load can bring down what is not yours.`,
  fix: (e) => `If you may load it, say so: --allow-host ${URL.parse(e.url)?.hostname ?? '<host>'}.`,
})

export const TargetSilent = defineError('TF_LOAD_NO_ANSWER', {
  says: (e: { url: string; reason: string }) => `Nothing answers at ${e.url}: ${e.reason}`,
  fix: 'Start the app first (`tenfold start`), or name where it is: --url http://127.0.0.1:3000.',
})

export const BadScenario = defineError('TF_LOAD_SCENARIO', {
  says: (e: { file: string; problem: string }) => `${e.file} is not a scenario: ${e.problem}`,
  fix: 'Export an object by default: `export default { name, flows } satisfies Scenario`. docs/guide/load.md has one to copy.',
})

export const NothingToLoad = defineError('TF_LOAD_NOTHING', {
  says: (e: { what: string }) => `There is nothing to send: ${e.what}.`,
  fix: 'Name a route (--route "GET /products"), or write a scenario.',
})

export const GeneratorFailed = defineError('TF_LOAD_GENERATOR', {
  says: (e: { reason: string }) => `A generator process failed: ${e.reason}`,
  fix: 'Correct the scenario: what `setup` throws, or an import that is not there, ends the run.',
})

export const NoSuchRun = defineError('TF_LOAD_NO_RUN', {
  says: (e: { id: string; known: string[] }) =>
    `There is no load run '${e.id}'${e.known.length > 0 ? `; the latest are ${e.known.join(', ')}` : ''}.`,
  fix: 'Name a run by its id, by `latest`, or by the path of its JSON file; `tenfold load list` shows them.',
})

export const NotComparable = defineError('TF_LOAD_NOT_COMPARABLE', {
  says: (e: { problem: string }) => `These runs cannot be compared: ${e.problem}.`,
  fix: 'Repeat the same steps in both: `tenfold load <scenario> --repeat 5`, before and after the change.',
})
