/** tenfold is left to Node.js: it reads SQL files beside its sources. */
export default { serverExternalPackages: ['tenfold', 'pg'] }
