import { describeLaw } from './law.ts'
import { manifests } from './manifests.ts'

const manifest = (value: object): Record<string, string> => ({ 'packages/tenfold/package.json': JSON.stringify(value) })

describeLaw(
  manifests,
  {
    'an export of a missing file': {
      files: manifest({ exports: { './x': { default: './src/x.ts' } } }),
      says: /exports \.\/x default points to \.\/src\/x\.ts/,
    },
    'a program that is missing': {
      files: manifest({ bin: { tenfold: './bin/x.js' } }),
      says: /bin tenfold points to \.\/bin\/x\.js/,
    },
    'a script of a missing file': {
      files: {
        'package.json': JSON.stringify({ scripts: { test: 'node --import ./a.js scripts/b.ts --x' } }),
        'a.js': '',
      },
      says: /^package\.json: script test points to scripts\/b\.ts, which is not there$/,
    },
    'a range': { files: manifest({ dependencies: { pg: '^8.0.0' } }), says: /pg \^8\.0\.0 is a range/ },
  },
  {
    'files that are there, patterns, what a build makes, and ranges of peers': {
      ...manifest({
        exports: { '.': './src/index.ts', './dist': './dist/x.js', './locale/*': './src/locale/*.ts' },
        scripts: { start: 'tenfold start' },
        peerDependencies: { zod: '^4.0.0' },
      }),
      'packages/tenfold/src/index.ts': '',
      'packages/tenfold/src/locale/en.ts': '',
    },
  },
)
