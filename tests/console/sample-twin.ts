/** Runs of the twin test for the console's page. */
import type { TwinRunView } from '../../packages/tenfold/src/inspect/index.ts'

export function sampleTwinRuns(now: number, hostile: string): TwinRunView[] {
  const run: TwinRunView = {
    id: '2026-01-02-03-04-05',
    at: now - 60_000,
    command: 'node server.js',
    passed: false,
    instances: 2,
    steps: 12,
    runs: 7,
    ms: 14_200,
    watched: true,
    findings: [
      {
        cause: 'memory-sessions',
        title: 'Sessions are kept in the memory of one instance',
        means: 'Whoever logs in at one instance is unknown to the others, and a restart logs everybody out.',
        fix: 'Give the session store a database or Redis, or put what is needed into a signed cookie.',
        places: ['server.js:6'],
        differences: [`GET /me: one instance says 200; several say 401 ${hostile}`],
        evidence: ['express-session at server.js:6 keeps it in the process'],
      },
    ],
    notes: ['not tried behind PgBouncer: it is not installed'],
    clean: [{ cause: 'local-files', title: 'Files lie on the disk of one instance' }],
  }
  return [run, { ...run, id: '2026-01-01-03-04-05', at: now - 86_400_000, passed: true, findings: [] }]
}
