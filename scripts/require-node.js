// Loaded before the repository's scripts (`node --import`). Plain JavaScript, so that an old Node can say what it needs
// instead of dying on a file it cannot read.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  process.stderr.write(
    `This repository needs Node.js 24 or newer; this is ${process.versions.node}.\n` +
      'fix: on Linux x64 `npm ci` installs the right one and npm scripts then use it; elsewhere install Node.js 24 or newer.\n',
  )
  process.exit(1)
}
