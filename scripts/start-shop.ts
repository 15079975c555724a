/** `npm start`: runs the shop from its own folder, as `npm start` there does. Arguments go to `tenfold start`. */
import { main } from '../packages/tenfold/src/cli/index.ts'

process.chdir(new URL('../examples/shop', import.meta.url).pathname)
process.exitCode = await main(['start', ...process.argv.slice(2)])
