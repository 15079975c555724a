import { describeLaw } from './law.ts'
import { words } from './words.ts'

const says = (text: string): Record<string, string> => ({ 'docs/guide/a.md': `\n${text}` })

describeLaw(
  words,
  {
    'the home of root': { files: says('/root/.npmrc'), says: /a\.md:2 says '\/root\/\.' - a path of one machine/ },
    'the home of somebody': { files: says('/home/jane/tenfold'), says: /path of one machine/ },
    'a home on a Mac': { files: says('/Users/jane/tenfold'), says: /path of one machine/ },
    'a note to oneself': { files: says('// TODO: the rest'), says: /says 'TODO'/ },
    'an announcement': { files: says('Redis: coming soon'), says: /what is not here is absent/ },
    'a private key': { files: says('-----BEGIN RSA PRIVATE KEY-----'), says: /a secret/ },
  },
  {
    'ordinary words': says(
      'The user agent works at /homework/, in framework/src, with todos and a session. /home/USER/app',
    ),
  },
)
