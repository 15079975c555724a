import { shop } from '../../../parts.ts'

interface Of {
  params: Promise<{ product: string }>
}

export async function GET(_request: Request, { params }: Of): Promise<Response> {
  const { priceOf } = await shop()
  return Response.json({ price: await priceOf((await params).product) })
}

export async function PUT(request: Request, { params }: Of): Promise<Response> {
  const { setPrice } = await shop()
  const { price } = (await request.json()) as { price: number }
  await setPrice((await params).product, price)
  return new Response(null, { status: 204 })
}
