/** A release on a machine: folders side by side, and a link to the one that runs.
 *
 *    /srv/<app>/releases/<id>   uploaded, with its packages; the id is made of what is in it
 *    /srv/<app>/current ------> releases/<id>
 *
 *  V1  The same content again uploads nothing and changes nothing: the id is the hash of what is released.
 *  V2  A release is complete before anything points to it: it is made under another name and renamed.
 *  V3  Migrations run before the switch, with the new release's code; when they fail, nothing has changed.
 *  V4  When the new release does not get ready, the link goes back and the old one is reloaded.
 *  V5  The newest few releases stay; the one that runs is never removed. */

export interface ReleaseOptions {
  /** As its service is named. */
  name: string
  /** Of the release: letters, digits and hyphens. */
  id: string
  /** Where releases lie, such as `/srv/shop`. */
  base: string
  /** The file with the variables, as systemd reads it. */
  environment: string
  /** How many releases stay, the running one included. */
  keep: number
  /** Installs the packages, run in the folder of the release. */
  install: string
  /** Seconds that the app may take to get ready. */
  patience: number
}

export interface Step {
  about: string
  /** Run by `bash -s` on the machine. */
  script: string
  /** Whether the packed release is its input, in place of the script: then it is an argument of bash. */
  takesRelease?: boolean
}

export function releaseSteps(options: ReleaseOptions): Step[] {
  const { id, install, keep } = options
  return [
    {
      about: `uploads release ${id}, unless it is there`,
      takesRelease: true,
      script: `${prelude(options)}
if [ -d "releases/${id}" ]; then cat >/dev/null; echo "release ${id} is there already"; exit 0; fi
rm -rf "releases/${id}.new" && mkdir -p "releases/${id}.new"
tar -xz -C "releases/${id}.new"`,
    },
    {
      about: 'installs its packages',
      script: `${prelude(options)}
[ ! -d "releases/${id}" ] || exit 0
cd "releases/${id}.new"
${install}
cd ../..
mv "releases/${id}.new" "releases/${id}"`,
    },
    {
      about: 'applies its migrations, which are judged first',
      script: `${prelude(options)}
with_environment "$PWD/releases/${id}" migrate up`,
    },
    { about: 'switches to it, and back when it does not get ready', script: switchScript(options, id) },
    {
      about: `removes all but the newest ${keep}`,
      script: `${prelude(options)}
rm -rf releases/*.new
running=$(basename "$(readlink current)")
ls -1t releases | { grep -vx "$running" || true; } | tail -n +${keep} | while read -r old; do rm -rf "releases/$old" && echo "removed $old"; done`,
    },
  ]
}

/** Back to the release that ran before. Migrations stay: those of the phase expand suit the older code, too. */
export function rollbackSteps(options: Omit<ReleaseOptions, 'id'>): Step[] {
  const all = { ...options, id: '' }
  return [
    {
      about: 'switches to the release before the running one',
      script: `${prelude(all)}
[ -L previous ] || { echo "there is no release to go back to" >&2; exit 1; }
before=$(basename "$(readlink previous)")
[ -d "releases/$before" ] || { echo "release $before is no longer there" >&2; exit 1; }
${switching(all, '$before')}`,
    },
  ]
}

function switchScript(options: ReleaseOptions, id: string): string {
  return `${prelude(options)}
if [ "$(readlink current || true)" = "releases/${id}" ]; then echo "release ${id} runs already"; exit 0; fi
${switching(options, id)}`
}

function switching({ name, patience }: ReleaseOptions, id: string): string {
  return `old=$(readlink current || true)
point() { ln -sfn "$1" "$2.new" && mv -T "$2.new" "$2"; }
point "releases/${id}" current
as_root systemctl reload-or-restart ${name}
if ready; then
  [ -z "$old" ] || point "$old" previous
  echo "release ${id} runs"
  exit 0
fi
echo "release ${id} did not get ready within ${patience} s" >&2
[ -n "$old" ] || exit 1
point "$old" current
as_root systemctl reload-or-restart ${name}
ready && echo "back at $(basename "$old")" >&2
exit 1`
}

/** What every step begins with. The machine may know the app's user or not; who logs in is root, owns the folder, or may use
 *  sudo: then all of the step is run by it. What bash was given as a word it is given again; what it reads from its input it
 *  has not read ahead, so that the next bash goes on there. */
function prelude({ name, base, environment, patience }: ReleaseOptions): string {
  return `set -euo pipefail
cd ${quoted(base)}
if [ "$(id -u)" != 0 ] && [ ! -O . ]; then
  if [ -n "\${BASH_EXECUTION_STRING:-}" ]; then exec sudo -n bash -c "$BASH_EXECUTION_STRING"; else exec sudo -n bash -s; fi
fi
set -euo pipefail
cd ${quoted(base)}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
as_app() { if id -u ${name} >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then runuser -u ${name} -- "$@"; else "$@"; fi; }
# with_environment <release> <words>: tenfold of a release, with the variables of the service.
with_environment() { (
  cd "$1"; shift
  variables=$(as_root cat ${quoted(environment)} | grep -E '^[A-Z_][A-Z0-9_]*=' || true)
  mapfile -t pairs <<<"$variables"
  as_app env -- "\${pairs[@]}" node node_modules/tenfold/bin/tenfold.js "$@"
) }
# Asks the app itself, as a balancer does.
ready() {
  port=$(as_root sed -n 's/^PORT=//p' ${quoted(environment)})
  for _ in $(seq ${patience}); do
    if node -e "fetch('http://127.0.0.1:\${port:-3000}/health/ready').then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))"; then return 0; fi
    sleep 1
  done
  return 1
}`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
