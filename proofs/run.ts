import { runClaims } from '../scripts/claims/index.ts'

process.exitCode = await runClaims({
  command: 'npm run prove --',
  folder: import.meta.dirname,
  argv: process.argv.slice(2),
})
