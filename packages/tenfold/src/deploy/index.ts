/** Ring 6: the files that an app needs to run at a stage of the ladder. */
export { isNetwork } from './balancers/index.ts'
export {
  BALANCERS,
  DEFAULTS,
  STAGES,
  TARGETS,
  type Balancer,
  type Choices,
  type Facts,
  type Stage,
  type Target,
} from './deploy.ts'
export { diffStages } from './diff.ts'
export { NoSuchStage } from './errors.ts'
export { LADDER } from './ladder.ts'
export { userlist } from './machines/pooler.ts'
export { defaultTargets, planOf } from './plan.ts'
export { lastChoices, writePlan } from './write.ts'
export { commandOf, packRelease, releaseSteps, rollbackSteps, runStep, type Step } from './release/index.ts'
