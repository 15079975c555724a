/** The OpenTelemetry SDK as its own guide sets it up: every request sampled, spans sent in batches over OTLP. */
import { loadPeers, type Peer } from './peers.ts'

/** Before anything else is loaded: it changes modules as they are. Gives the plug-in for Fastify. */
export async function startOpenTelemetry(instrument: 'fastify' | 'express'): Promise<Peer> {
  const load = await loadPeers()
  const { NodeSDK } = await load('@opentelemetry/sdk-node')
  const { OTLPTraceExporter } = await load('@opentelemetry/exporter-trace-otlp-proto')
  const { HttpInstrumentation } = await load('@opentelemetry/instrumentation-http')
  const instrumentations = [new HttpInstrumentation()]
  let plugin: Peer
  if (instrument === 'fastify') {
    const { FastifyOtelInstrumentation } = await load('@fastify/otel')
    const fastify = new FastifyOtelInstrumentation({})
    plugin = fastify
    instrumentations.push(fastify)
  } else {
    const { ExpressInstrumentation } = await load('@opentelemetry/instrumentation-express')
    const { NestInstrumentation } = await load('@opentelemetry/instrumentation-nestjs-core')
    instrumentations.push(new ExpressInstrumentation(), new NestInstrumentation())
  }
  const sdk = new NodeSDK({
    serviceName: 'shop',
    traceExporter: new OTLPTraceExporter({ url: process.env.OTLP_URL }),
    instrumentations,
  })
  sdk.start()
  return plugin
}
