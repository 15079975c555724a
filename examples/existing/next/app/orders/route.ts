import { shop } from '../../parts.ts'

export async function POST(request: Request): Promise<Response> {
  const { placeOrder } = await shop()
  const { product } = (await request.json()) as { product: string }
  return Response.json({ id: await placeOrder(product) }, { status: 201 })
}
