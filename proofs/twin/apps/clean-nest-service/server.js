// What the TypeScript compiler makes of a NestJS app, written by hand: decorators are calls.
import 'reflect-metadata'
import { Body, Controller, Get, Injectable, Module, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Redis } from 'ioredis'

class CatsService {
  redis = new Redis(process.env.REDIS_URL)

  async create(cat) {
    return { cats: await this.redis.rpush('cats', JSON.stringify(cat)) }
  }

  async findAll() {
    return (await this.redis.lrange('cats', 0, -1)).map((text) => JSON.parse(text))
  }

  onApplicationShutdown() {
    return this.redis.quit()
  }
}
Injectable()(CatsService)

class CatsController {
  constructor(cats) {
    this.service = cats
  }

  create(cat) {
    return this.service.create(cat)
  }

  findAll() {
    return this.service.findAll()
  }
}
const method = (name) => [
  CatsController.prototype,
  name,
  Object.getOwnPropertyDescriptor(CatsController.prototype, name),
]
Post()(...method('create'))
Body()(CatsController.prototype, 'create', 0)
Get()(...method('findAll'))
Reflect.defineMetadata('design:paramtypes', [CatsService], CatsController)
Controller('cats')(CatsController)

class AppModule {}
Module({ controllers: [CatsController], providers: [CatsService] })(AppModule)

const app = await NestFactory.create(AppModule, { logger: false })
app.enableShutdownHooks()
await app.listen(process.env.PORT)
