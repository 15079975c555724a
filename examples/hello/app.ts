import { app, defineModule } from 'tenfold'
import { z } from 'zod'

const m = defineModule('hello')

const greet = m.route('GET /hello/:name', {
  auth: 'public',
  reply: z.object({ greeting: z.string() }),
  handler: ({ params }) => ({ greeting: `Hello ${params.name}` }),
})

export default app({ name: 'hello', modules: [m.build({ parts: [greet] })] })
