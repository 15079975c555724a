import { shop } from '../../parts.ts'

export async function POST(request: Request): Promise<Response> {
  const { sessions } = await shop()
  const headers = new Headers()
  const session = await sessions.of(request, headers)
  await session.signOut()
  return new Response(null, { status: 204, headers })
}
