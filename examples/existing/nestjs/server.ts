/** The shop on NestJS, started by `start.ts`. */
import 'reflect-metadata'
import {
  Body,
  Controller,
  Get,
  HttpCode,
  HttpException,
  Inject,
  Module,
  Param,
  Post,
  Put,
  Req,
  Res,
} from '@nestjs/common'
import { NotFoundException, UnauthorizedException, type OnApplicationShutdown } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { Request, Response } from 'express'
import { networkOf } from 'tenfold/limits'
import type { Order } from '../orders.ts'
import { openShop, type Shop } from '../shop.ts'

const SHOP = Symbol('shop')

@Controller()
class Accounts {
  readonly #shop: Shop
  constructor(@Inject(SHOP) shop: Shop) {
    this.#shop = shop
  }

  @Post('sign-in')
  @HttpCode(204)
  async signIn(
    @Body() body: { name: string },
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    if (!(await this.#shop.signIns.admit(networkOf(request.ip ?? ''), response)))
      throw new HttpException('Too many sign-ins', 429)
    const session = await this.#shop.sessions.of(request, response)
    await session.signIn(body.name)
  }

  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<void> {
    const session = await this.#shop.sessions.of(request, response)
    await session.signOut()
  }

  @Get('me')
  async me(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<{ name: string }> {
    const { userId } = await this.#shop.sessions.of(request, response)
    if (userId === undefined) throw new UnauthorizedException()
    return { name: userId }
  }
}

@Controller()
class Orders {
  readonly #shop: Shop
  constructor(@Inject(SHOP) shop: Shop) {
    this.#shop = shop
  }

  @Get('prices/:product')
  async price(@Param('product') product: string): Promise<{ price: number | undefined }> {
    return { price: await this.#shop.priceOf(product) }
  }

  @Put('prices/:product')
  @HttpCode(204)
  setPrice(@Param('product') product: string, @Body() body: { price: number }): Promise<void> {
    return this.#shop.setPrice(product, body.price)
  }

  @Post('orders')
  async place(@Body() body: { product: string }): Promise<{ id: number }> {
    return { id: await this.#shop.placeOrder(body.product) }
  }

  @Get('orders/:id')
  async find(@Param('id') id: string): Promise<Order> {
    const order = await this.#shop.findOrder(Number(id))
    if (!order) throw new NotFoundException()
    return order
  }
}

@Module({
  controllers: [Accounts, Orders],
  providers: [{ provide: SHOP, useFactory: () => openShop(process.env.DATABASE_URL!) }],
})
class ShopModule implements OnApplicationShutdown {
  readonly #shop: Shop
  constructor(@Inject(SHOP) shop: Shop) {
    this.#shop = shop
  }

  async onApplicationBootstrap(): Promise<void> {
    if (process.env.WORKER !== 'off') await this.#shop.work()
  }

  onApplicationShutdown(): Promise<void> {
    return this.#shop.close()
  }
}

const app = await NestFactory.create(ShopModule, { logger: ['error'] })
app.enableShutdownHooks()
await app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
console.log(await app.getUrl())
