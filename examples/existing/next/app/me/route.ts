import { shop } from '../../parts.ts'

export async function GET(request: Request): Promise<Response> {
  const { sessions } = await shop()
  const { userId } = await sessions.of(request, new Headers())
  return userId === undefined ? new Response(null, { status: 401 }) : Response.json({ name: userId })
}
