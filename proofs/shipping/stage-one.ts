/** The first stage on a bare machine, with nothing but the files that `tenfold deploy` writes and the packed package. */
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Claim } from '../../scripts/claims/index.ts'
import { startAuthority } from './authority.ts'
import { openMachine, type Machine } from './machine.ts'
import { createProject, must, NPM } from './processes.ts'

const NAME = 'my-shop'
const DOMAIN = 'shop.example.com'

export interface Packages {
  /** Where create-tenfold is installed. */
  folder: string
  /** The packed tenfold. */
  tenfold: string
}

export async function proveStageOne(packages: Packages, log: (text: string) => void): Promise<Claim[]> {
  const project = await makeProject(packages)
  const tenfold = (...args: string[]): Promise<string> =>
    must(join(project, 'node_modules/.bin/tenfold'), args, project)
  await tenfold('deploy', '1', '--domain', DOMAIN, '--machine', '2GB,2')
  const machine = await openMachine(mkdtempSync(join(tmpdir(), 'tenfold-machine-')), log)
  try {
    return await onMachine(machine, project, tenfold, log)
  } finally {
    await machine.close()
  }
}

async function onMachine(
  machine: Machine,
  project: string,
  tenfold: (...args: string[]) => Promise<string>,
  log: (text: string) => void,
): Promise<Claim[]> {
  const claims: Claim[] = []
  const claim = (what: string, goal: string | number, value: string | number, holds: boolean): void =>
    void claims.push({ claim: what, goal: String(goal), value, holds })
  const release = (...more: string[]): Promise<string> =>
    tenfold('deploy', 'vm', 'root@machine', `--ssh=${machine.ssh}`, ...more)

  log('setup.sh, on the bare machine')
  cpSync(join(project, 'deploy/machines/app'), join(machine.root, 'opt/proof/app'), { recursive: true })
  await startAuthority(machine)
  const first = await machine.must('bash /opt/proof/app/setup.sh')
  const password = /the password of my_shop_deploy, for DATABASE_URL: (\w+)/.exec(first)?.[1]
  if (password === undefined) throw new Error(`no password was printed:\n${first.slice(-2000)}`)
  const again = await machine.must('bash /opt/proof/app/setup.sh')
  const changes =
    again
      .split('\n')
      .filter((line) => /^changed|the password of/.test(line))
      .join(', ') || 'nothing'
  claim('what setup.sh changes when it runs again', 'nothing', changes, changes === 'nothing')
  await fillEnvironment(machine, password)

  log('the first release, over ssh')
  await release()
  const ask = `curl -fsS --cacert /opt/proof/certificate.pem --resolve ${DOMAIN}:443:127.0.0.1 https://${DOMAIN}`
  const answer = await machine.must(`${ask}/health/ready`)
  claim(
    'the app answers through nginx, by TLS',
    'ready',
    /"status":"(\w+)"/.exec(answer)?.[1] ?? answer,
    /"ready"/.test(answer),
  )
  const asked = await machine.must(`${ask}/health/ready -o /dev/null -w '%{http_version} %{ssl_verify_result}'`)
  claim('by HTTP/2, with a certificate that is checked', '2 0', asked, asked === '2 0')
  const plain = await machine.must(
    `curl -s -o /dev/null -w '%{http_code} %{redirect_url}' -H 'Host: ${DOMAIN}' http://127.0.0.1/x?y=1`,
  )
  claim('plain HTTP is sent to HTTPS', `308 https://${DOMAIN}/x?y=1`, plain, plain === `308 https://${DOMAIN}/x?y=1`)

  log('a new certificate, by ACME')
  const serial = `openssl s_client -connect 127.0.0.1:443 -servername ${DOMAIN} </dev/null 2>/dev/null | openssl x509 -noout -serial`
  const held = await machine.must(serial)
  await machine.must('certbot renew --force-renewal --no-random-sleep-on-renew')
  const renewed = await machine.must(
    `${ask}/health/live -o /dev/null; for _ in $(seq 50); do now=$(${serial}); [ "$now" = "${held.trim()}" ] || break; sleep 0.2; done; echo "$now"`,
  )
  claim(
    'certbot renews the certificate through nginx, which serves the new one',
    'another one',
    renewed.trim() === held.trim() ? 'the same' : 'another one',
    /serial=/.test(renewed) && renewed.trim() !== held.trim(),
  )
  const timer = (await machine.must('systemctl is-enabled certbot.timer')).trim()
  claim('and does so by itself', 'enabled', timer, timer === 'enabled')

  log('what the app may do there')
  const pid = (await machine.must(`systemctl show --property MainPID --value ${NAME}`)).trim()
  const status = await machine.must(`cat /proc/${pid}/status`)
  const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? ''
  const user = (await machine.must(`ps -o user= -p ${pid}`)).trim()
  claim('it runs as a user of its own, not as root', NAME, user, user === NAME)
  const locks = [field('NoNewPrivs'), Number(`0x${field('CapEff')}`), field('Seccomp')].join(' ')
  claim('no new privileges, no capabilities, filtered system calls', '1 0 2', locks, locks === '1 0 2')
  const written = await machine.run(`nsenter --target ${pid} --mount touch /etc/${NAME}/mine /srv/mine /usr/mine`)
  claim('writing to /etc, /srv and /usr', 'refused', written.code === 0 ? 'works' : 'refused', written.code !== 0)
  const firewall = await machine.must('nft list chain inet filter input')
  const open = /tcp dport \{ 80, 443 \} accept/.test(firewall) && /policy drop/.test(firewall)
  claim('the firewall drops all but the web, and logging in', 'drop', open ? 'drop' : firewall, open)
  const postgres = await machine.must(
    `runuser -u postgres -- psql -Atc "select version() ~ '^PostgreSQL 18', current_setting('shared_buffers'), current_setting('listen_addresses')"`,
  )
  const settings = postgres.trim()
  claim('Postgres 18 has the settings of its file', 't|256MB|localhost', settings, settings === 't|256MB|localhost')

  log('backups, by their units')
  await machine.must(`systemctl start ${NAME}-backup`)
  const timers = await machine.must(`systemctl list-timers --all --no-legend --plain '${NAME}-*' | wc -l`)
  claim('timers that wait: the backup and its proof', 2, timers.trim(), timers.trim() === '2')
  const verified = await machine.run(`systemctl start ${NAME}-verify`)
  const journal =
    verified.code === 0
      ? 'proven'
      : await machine.must(`journalctl -u ${NAME}-verify -o cat | grep -v systemd | tail -n 12`)
  claim('the newest backup is restored, and every table compared', 'proven', journal, verified.code === 0)

  log('a second release, under requests')
  const before = await runningRelease(machine)
  writeFileSync(join(project, 'notes.md'), 'what makes this release another one\n')
  await machine.must(`cat >/opt/proof/asking <<'END'
while [ -e /opt/proof/asking ]; do ${ask}/health/live -o /dev/null -w '%{http_code}' 2>&1 || true; echo; done >/opt/proof/asked
END
systemd-run --quiet --unit asking bash /opt/proof/asking`)
  await release()
  await machine.must('rm /opt/proof/asking')
  const answers = (await machine.must('cat /opt/proof/asked')).trim().split('\n')
  const failed = answers.filter((line) => line !== '200').length
  claim(
    'requests lost while a release takes over',
    0,
    `${failed} of ${answers.length}${failed > 0 ? `: ${[...new Set(answers)].join(' | ').slice(0, 600)}` : ''}`,
    failed === 0 && answers.length > 5,
  )
  const second = await runningRelease(machine)
  claim('it is another release', 'another', second === before ? 'the same' : 'another', second !== before)
  const same = await release()
  const idle = /is there already/.test(same) && /runs already/.test(same)
  claim('the same release again', 'nothing to do', idle ? 'nothing to do' : same.slice(-300), idle)
  await release('--rollback')
  const back = await runningRelease(machine)
  claim('--rollback', before, back, back === before)

  log('a crash, and a restart of the machine')
  await machine.must(`systemctl kill --signal SIGKILL ${NAME}; sleep 1`)
  const revived = await machine.must(`${eventually(`${ask}/health/ready`)}`)
  claim(
    'after a crash it is started again',
    'ready',
    /"ready"/.test(revived) ? 'ready' : revived,
    /"ready"/.test(revived),
  )
  await machine.restart()
  const restarted = await machine.run(eventually(`${ask}/health/ready`))
  const up = /"ready"/.test(restarted.output)
  claim(
    'after a restart of the machine all is back by itself',
    'ready',
    up ? 'ready' : restarted.output.slice(-300),
    up,
  )
  const down = (await machine.must('systemctl list-units --failed --no-legend --plain')).trim()
  claim('units that failed', 'none', down === '' ? 'none' : down, down === '')
  return claims
}

/** A project as `npm create tenfold` makes it; the package comes with the release, since no registry has it. */
async function makeProject({ folder, tenfold }: Packages): Promise<string> {
  const project = await createProject(folder, NAME, tenfold)
  cpSync(tenfold, join(project, 'tenfold.tgz'))
  const manifest = join(project, 'package.json')
  writeFileSync(
    manifest,
    readFileSync(manifest, 'utf8').replace(/"tenfold": "file:[^"]+"/, '"tenfold": "file:tenfold.tgz"'),
  )
  await must('npm', ['install', ...NPM], project)
  return project
}

/** What a person fills in by hand: the secrets. */
async function fillEnvironment(machine: Machine, password: string): Promise<void> {
  const file = `/etc/${NAME}/env`
  await machine.must(`sed -i -e 's/:PASSWORD@/:${password}@/' -e "s|^SECRET_KEY=.*|SECRET_KEY=$(openssl rand -base64 48)|" \\
    -e "s|^TENFOLD_CONSOLE_TOKEN=.*|TENFOLD_CONSOLE_TOKEN=$(openssl rand -hex 24)|" ${file}`)
}

async function runningRelease(machine: Machine): Promise<string> {
  return (await machine.must(`basename "$(readlink /srv/${NAME}/current)"`)).trim()
}

function eventually(command: string): string {
  return `for _ in $(seq 90); do ${command} 2>/dev/null && exit 0; sleep 1; done; echo 'not within 90 s'; exit 1`
}
