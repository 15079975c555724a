import { runClaims } from '../scripts/claims/index.ts'

const status = await runClaims({
  command: 'npm run prove --',
  folder: import.meta.dirname,
  argv: process.argv.slice(2),
})
// What a run that broke has left open must not keep it from ending.
process.exit(status)
