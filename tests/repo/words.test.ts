import { describeLaw } from './law.ts'
import { words } from './words.ts'

const says = (text: string): Record<string, string> => ({ 'docs/guide/a.md': `\n${text}` })

describeLaw(
  words,
  {
    'a path of one machine': { files: says('cd /work/main'), says: /a\.md:2 says '\/work\/m' - a path of one machine/ },
    'the home of root': { files: says('/root/.npmrc'), says: /path of one machine/ },
    'the home of somebody': { files: says('/home/jane/tenfold'), says: /path of one machine/ },
    'a home on a Mac': { files: says('/Users/jane/tenfold'), says: /path of one machine/ },
    'a note to oneself': { files: says('// TODO: the rest'), says: /says 'TODO'/ },
    'an announcement': { files: says('Redis: coming soon'), says: /what is not here is absent/ },
    'how the text came about': { files: says('written by an AI assistant'), says: /speaks of itself alone/ },
    'a number that only insiders know': { files: says('see issue #12'), says: /say what it says/ },
    'a private key': { files: says('-----BEGIN RSA PRIVATE KEY-----'), says: /a secret/ },
  },
  {
    'ordinary words': says(
      'The user agent works at /homework/, in framework/src, with todos and a session. /home/USER/app',
    ),
  },
)
