import { defineConfig } from 'vite'

const app = process.env['CONSOLE_URL'] ?? 'http://localhost:4100'

export default defineConfig({
  // Nothing is inlined: the console's content security policy allows files of its own only.
  build: { target: 'es2023', assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 400 },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  // `npx vite packages/console` beside a running app: the pages reload as they are edited, the data is the app's.
  server: { proxy: { '/api': { target: app, changeOrigin: true, headers: { origin: app } } } },
})
