import type { Facts, Plan, PlannedFile, Stage, Target } from './deploy.ts'
import { composeFiles } from './compose/index.ts'
import { imageFiles } from './image/index.ts'
import { chartFiles, kubernetesFiles } from './kubernetes/index.ts'
import { machineFiles } from './machines/index.ts'
import { readme } from './readme.ts'

const OF: Record<Target, (facts: Facts, stage: Stage) => PlannedFile[]> = {
  machines: machineFiles,
  compose: composeFiles,
  kubernetes: kubernetesFiles,
  helm: chartFiles,
}

/** All files of a stage. Without targets: machines, and Kubernetes at stage 6. */
export function planOf(facts: Facts, stage: Stage, targets: readonly Target[] = defaultTargets(stage)): Plan {
  const inContainers = targets.some((target) => target !== 'machines')
  const files = [...targets.flatMap((target) => OF[target](facts, stage)), ...(inContainers ? imageFiles() : [])]
  const plan = { stage, targets, files }
  return { ...plan, files: [readme(facts, plan), ...files] }
}

export function defaultTargets(stage: Stage): readonly Target[] {
  return stage === 6 ? ['kubernetes'] : ['machines']
}
