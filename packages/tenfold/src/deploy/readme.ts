import type { Facts, Plan, PlannedFile } from './deploy.ts'
import { stageFacts } from './ladder.ts'

/** The page that explains the files of a plan. */
export function readme(facts: Facts, { stage, targets, files }: Plan): PlannedFile {
  const { name, runs, leaveWhen } = stageFacts(stage)
  const list = files.map(({ path, about }) => `| \`${path}\` | ${about} |`).join('\n')
  const text = `# ${facts.app} at stage ${stage}: ${name}

${runs[0]!.toUpperCase()}${runs.slice(1)}. Made by \`tenfold deploy ${stage} --for ${targets.join(',')}\`; the files are yours: read them,
change them, keep them in git. Made again, those that you have changed are not overwritten.

Time for the next stage: when ${leaveWhen}. \`tenfold deploy diff ${stage} ${Math.min(stage + 1, 6)}\` says what changes then.

| file | |
| --- | --- |
${list}

${targets.map((target) => HOW[target](facts)).join('\n')}`
  return { path: 'README.md', text, about: 'this page' }
}

const HOW: Record<Plan['targets'][number], (facts: Facts) => string> = {
  machines: ({ app }) => `## Machines

Each folder in \`machines/\` is laid out like the machine of that name: Debian 13, \`ssh\` as root or with sudo.

\`\`\`sh
rsync -r deploy/machines/app/ root@app:/root-of-${app}/ && ssh root@app bash /root-of-${app}/setup.sh
\`\`\`

\`setup.sh\` installs what is missing, copies what has changed, and restarts only what that concerns. Machines find each other by
name (\`database\`, \`worker\`, \`redis\`, and \`app-1\`, \`replica-1\`, … where there are several): put these into \`/etc/hosts\` or
a private DNS. Secrets are
filled in once, in \`/etc/…/env\` on the machines of the app.
`,
  compose: () => `## Docker Compose

\`\`\`sh
cp deploy/compose/env.example deploy/compose/env      # fill in the secrets
docker compose -f deploy/compose/compose.yaml up --build --detach --wait
docker compose -f deploy/compose/compose.yaml logs --follow app
\`\`\`
`,
  kubernetes: ({ app }) => `## Kubernetes

The cluster needs the operators CloudNativePG, KEDA and Prometheus', an ingress controller, and cert-manager for certificates.
Without the Prometheus operator, leave out \`monitoring.yaml\`; without something that takes traces, \`collector.yaml\`.

\`\`\`sh
kubectl apply -f deploy/kubernetes/namespace.yaml
kubectl -n ${app.replaceAll('_', '-')} create secret generic ${app.replaceAll('_', '-')} --from-env-file=secrets.env
kubectl apply -f deploy/kubernetes/
\`\`\`

A release: set the image in all files, \`kubectl delete job\` of the migration, apply again. The migration runs first; pods of a
release whose migrations are missing do not get ready, so that the old ones stay.
`,
  helm: ({ app }) => `## Helm

The same manifests as a chart: \`helm upgrade --install ${app.replaceAll('_', '-')} deploy/helm --set image=…\`. \`values.yaml\` has what can be set.
`,
}
