export default {
  // tenfold is left to Node.js: it reads SQL files beside its sources.
  serverExternalPackages: ['tenfold', 'pg'],
  // TypeScript 7 is a command; before it, leave this out.
  experimental: { useTypeScriptCli: true },
}
