import { config } from 'tenfold'

export default config({ app: './app.ts' })
