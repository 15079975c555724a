#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node must be able to say what it needs instead of dying on a syntax error.
const [major] = process.versions.node.split('.').map(Number)
if (major < 24) {
  process.stderr.write(
    `create-tenfold: the app would need Node.js 24 or newer; this is ${process.versions.node}.\n` +
      'fix: install a newer Node.js from https://nodejs.org (or `nvm install 24`, `fnm install 24`, `mise use node@24`), then run the command again.\n',
  )
  process.exit(1)
}
const { main } = await import('../src/index.ts')
process.exitCode = await main(process.argv.slice(2))
