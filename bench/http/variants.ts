/** What is compared. Every server answers the same request; `full` ones also look up a session, count a rate limit, set security
 *  headers, write an access line, fill histograms and, with `otel`, trace every request and export the spans. */
export interface Variant {
  name: string
  program: string
  features: string
  full: boolean
}

const FASTIFY = './servers/fastify.program.ts'
const NEST = './servers/nest.program.ts'
const TENFOLD = './servers/tenfold.program.ts'
const OTHERS = './servers/bare.program.ts'

export const OURS = 'tenfold, all on'
export const UNTRACED = 'tenfold, all but traces'
export const BARE = 'Fastify, bare'
export const STACK = 'Fastify + plug-ins + OpenTelemetry'
/** The cheaper of the two adapters counts. */
export const NEST_SAME = ['NestJS on Fastify, the same', 'NestJS on Express, the same']
export const NEST_UNLIMITED = ['NestJS on Express, the same but no limit']

export const VARIANTS: Variant[] = [
  { name: BARE, program: FASTIFY, features: '', full: false },
  { name: OURS, program: TENFOLD, features: 'traces', full: true },
  { name: UNTRACED, program: TENFOLD, features: '', full: true },
  { name: 'Fastify + plug-ins, no traces', program: FASTIFY, features: 'plugins', full: true },
  { name: STACK, program: FASTIFY, features: 'plugins,otel', full: true },
  { name: 'NestJS on Fastify, bare', program: NEST, features: 'fastify', full: false },
  { name: 'NestJS on Express, bare', program: NEST, features: '', full: false },
  { name: NEST_SAME[0]!, program: NEST, features: 'fastify,plugins,otel', full: true },
  { name: NEST_SAME[1]!, program: NEST, features: 'plugins,otel', full: true },
  { name: NEST_UNLIMITED[0]!, program: NEST, features: 'plugins,otel,no-throttler', full: true },
  { name: 'node:http with zod, bare', program: OTHERS, features: 'node', full: false },
  { name: 'Express, bare', program: OTHERS, features: 'express', full: false },
  { name: 'Hono, bare', program: OTHERS, features: 'hono', full: false },
  { name: 'Elysia on Node, bare', program: OTHERS, features: 'elysia', full: false },
  { name: 'AdonisJS, bare', program: OTHERS, features: 'adonis', full: false },
]

export const PEERS = {
  express: '5.3.0',
  hono: '4.13.19',
  '@hono/node-server': '2.1.8',
  elysia: '1.4.30',
  '@elysiajs/node': '1.4.5',
  '@adonisjs/core': '7.5.2',
  '@vinejs/vine': '4.4.0',
  fastify: '5.12.8',
  '@fastify/cookie': '11.1.5',
  '@fastify/helmet': '13.2.0',
  '@fastify/rate-limit': '11.2.0',
  'prom-client': '15.1.3',
  pino: '10.4.0',
  '@nestjs/core': '12.5.1',
  '@nestjs/common': '12.5.1',
  '@nestjs/platform-fastify': '12.5.0',
  '@nestjs/platform-express': '12.5.1',
  'class-validator': '0.15.1',
  'class-transformer': '0.5.1',
  '@nestjs/throttler': '6.7.1',
  helmet: '8.3.0',
  'cookie-parser': '1.4.7',
  'reflect-metadata': '0.2.2',
  rxjs: '7.8.2',
  'pino-http': '11.0.0',
  '@opentelemetry/api': '1.10.0',
  '@opentelemetry/sdk-node': '0.301.0',
  '@opentelemetry/instrumentation-http': '0.301.0',
  '@fastify/otel': '0.21.2',
  '@opentelemetry/exporter-trace-otlp-proto': '0.301.1',
  '@opentelemetry/instrumentation-express': '0.72.0',
  '@opentelemetry/instrumentation-nestjs-core': '0.71.0',
}
