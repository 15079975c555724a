import { shop } from '../../../parts.ts'

export async function GET(_request: Request, { params }: { params: Promise<{ id: string }> }): Promise<Response> {
  const { findOrder } = await shop()
  const { id } = await params
  const order = await findOrder(Number(id))
  return order ? Response.json(order) : new Response(null, { status: 404 })
}
