/** One server for all test files of a run, which find it in TEST_DATABASE_URL; somebody's own server is used as it is. */
export async function startTestDatabase(): Promise<{ url: string; stop(): Promise<void> }> {
  // Loaded late: sources that cannot be loaded must not keep the checks from saying so.
  const { startTestServer } = await import('../../packages/tenfold/src/database/testing/index.ts')
  const server = await startTestServer()
  return { url: server.adminUrl, stop: () => server.stop() }
}
