import 'reflect-metadata'
import { Controller, Get, Module } from '@nestjs/common'
import { APP_GUARD, NestFactory } from '@nestjs/core'
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler'

class QuoteController {
  quote() {
    return { quote: 'less is more' }
  }
}
Get()(QuoteController.prototype, 'quote', Object.getOwnPropertyDescriptor(QuoteController.prototype, 'quote'))
Controller('quote')(QuoteController)

class AppModule {}
Module({
  imports: [ThrottlerModule.forRoot([{ ttl: 60_000, limit: 3 }])],
  controllers: [QuoteController],
  providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
})(AppModule)

const app = await NestFactory.create(AppModule, { logger: false })
app.enableShutdownHooks()
await app.listen(process.env.PORT)
