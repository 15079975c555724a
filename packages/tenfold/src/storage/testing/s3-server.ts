/** A real S3 server for tests that nobody here wrote: Ceph's object gateway on a cluster of one monitor and one storage daemon,
 *  all in memory, on free ports and in a folder of its own. It checks signatures, and refuses what S3 refuses.
 *  It ends with this process. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AwsV4Signer } from 'aws4fetch'

export interface TestS3 {
  /** `http://127.0.0.1:…` */
  readonly endpoint: string
  /** Makes a bucket, and says how to open it. */
  bucket(name: string): Promise<string>
  stop(): Promise<void>
}

const KEY = 'TESTKEY'
const SECRET = 'test/secret+key'
const CLUSTER = '11111111-2222-3333-4444-555555555555'
const DAEMON = '22222222-2222-3333-4444-555555555555'
const READY_WITHIN_MS = 90_000

/** @example
 *  const server = await startTestS3()
 *  const storage = await openStorage({ url: await server.bucket('files'), … })
 *  await server.stop() */
export async function startTestS3(): Promise<TestS3> {
  // A port that was free may be taken by somebody else a moment later: then it is tried again with others.
  for (let tried = 1; ; tried++) {
    try {
      return await startOnce()
    } catch (error) {
      if (tried === 3 || (error as { cause?: NodeJS.ErrnoException }).cause?.code === 'ENOENT') throw error
    }
  }
}

async function startOnce(): Promise<TestS3> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-s3-'))
  const children: ChildProcess[] = []
  const last = (): void => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', last)
  const stop = async (): Promise<void> => {
    process.off('exit', last)
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        child.ref()
        await ended
      }),
    )
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const [monitor, gateway] = [await freePort(), await freePort()]
    const endpoint = `http://127.0.0.1:${gateway}`
    const config = join(folder, 'ceph.conf')
    mkdirSync(join(folder, 'mon'))
    mkdirSync(join(folder, 'osd'))
    writeFileSync(join(folder, 'keyring'), '')
    writeFileSync(config, settings(folder, monitor, gateway))
    const run = (program: string, ...args: string[]) => runProgram(program, args)
    const daemon = (program: string, ...args: string[]): void => {
      const child = spawn(program, ['-c', config, ...args, '-f'], { stdio: 'ignore' })
      child.unref()
      children.push(child)
    }
    const [monmap, osdmap] = [join(folder, 'monmap'), join(folder, 'osdmap')]
    await run('monmaptool', '--create', '--addv', 'a', `[v1:127.0.0.1:${monitor}]`, '--fsid', CLUSTER, monmap)
    await run('osdmaptool', '--createsimple', '1', osdmap, '--fsid', CLUSTER)
    await run('ceph-mon', '-c', config, '-i', 'a', '--mkfs', '--monmap', monmap, '--osdmap', osdmap)
    daemon('ceph-mon', '-i', 'a')
    await run('ceph-osd', '-c', config, '-i', '0', '--mkfs', '--osd-uuid', DAEMON)
    daemon('ceph-osd', '-i', '0')
    daemon('radosgw', '-n', 'client.rgw.a')
    await listens(gateway, children, folder)
    const user = ['--uid=test', '--display-name=test', `--access-key=${KEY}`, `--secret-key=${SECRET}`]
    await run('radosgw-admin', '-c', config, '-n', 'client.rgw.a', 'user', 'create', ...user)
    return {
      endpoint,
      async bucket(name) {
        const credentials = { accessKeyId: KEY, secretAccessKey: SECRET, service: 's3', region: 'us-east-1' }
        const url = `${endpoint}/${name}`
        const { headers } = await new AwsV4Signer({ ...credentials, url, method: 'PUT' }).sign()
        const answer = await fetch(url, { method: 'PUT', headers })
        if (!answer.ok) throw new Error(`no bucket '${name}': ${answer.status} ${await answer.text()}`)
        return `s3://${KEY}:${encodeURIComponent(SECRET)}@${name}?endpoint=${encodeURIComponent(endpoint)}`
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What a cluster of one needs to be content, and to start in seconds. */
function settings(folder: string, monitor: number, gateway: number): string {
  return `[global]
fsid=${CLUSTER}
mon_host=v1:127.0.0.1:${monitor}
auth_cluster_required=none
auth_service_required=none
auth_client_required=none
public_addr=127.0.0.1
cluster_addr=127.0.0.1
ms_bind_msgr2=false
run_dir=${folder}
admin_socket=
log_file=${folder}/$name.log
pid_file=${folder}/$name.pid
mon_data=${folder}/mon
osd_data=${folder}/osd
keyring=${folder}/keyring
osd_objectstore=memstore
memstore_device_bytes=8589934592
osd_pool_default_size=1
osd_pool_default_min_size=1
osd_pool_default_pg_num=1
osd_pool_default_pgp_num=1
osd_pool_default_pg_autoscale_mode=off
osd_crush_chooseleaf_type=0
osd_class_load_list=*
osd_class_default_list=*
mon_allow_pool_size_one=true
mon_max_pg_per_osd=5000
mon_data_avail_crit=0
paxos_propose_interval=0.01
paxos_min_wait=0.01
[client.rgw.a]
rgw_frontends=beast endpoint=127.0.0.1:${gateway}
rgw_rados_pool_pg_num_min=1
rgw_run_sync_thread=false
rgw_dynamic_resharding=false
rgw_enable_usage_log=false
`
}

async function runProgram(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(program, args).catch((error: NodeJS.ErrnoException & { stderr?: string }) => {
    const missing = error.code === 'ENOENT' ? '; `bash scripts/setup` installs it' : ''
    throw new Error(`${program} cannot be run${missing}: ${error.stderr ?? error.message}`, { cause: error })
  })
}

async function listens(port: number, children: readonly ChildProcess[], folder: string): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const up = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (up) return
    const dead = children.find((child) => child.exitCode !== null)
    if (dead || Date.now() > deadline) {
      const log = readFileSync(join(folder, 'client.rgw.a.log'), 'utf8').split('\n').slice(-10).join('\n')
      throw new Error(`the S3 server did not start${dead ? `: ${dead.spawnfile} ended` : ''}\n${log}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}
