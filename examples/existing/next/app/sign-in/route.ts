import { networkOf } from 'tenfold/limits'
import { shop } from '../../parts.ts'

export async function POST(request: Request): Promise<Response> {
  const { sessions, signIns } = await shop()
  const headers = new Headers()
  // As your proxy tells it; without a proxy of your own anybody may say anything here.
  const address = request.headers.get('x-real-ip') ?? ''
  if (!(await signIns.admit(networkOf(address), headers))) return new Response(null, { status: 429, headers })
  const { name } = (await request.json()) as { name: string }
  const session = await sessions.of(request, headers)
  await session.signIn(name, {}, { ip: address })
  return new Response(null, { status: 204, headers })
}
