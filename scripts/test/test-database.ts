export async function startTestDatabase(): Promise<{ url: string | undefined; stop(): Promise<void> }> {
  return { url: process.env.TEST_DATABASE_URL, stop: async () => {} }
}
