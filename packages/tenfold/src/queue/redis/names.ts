/** How names and ids look in Redis.
 *
 *  BullMQ lets a worker take every job of a queue, and Q12 demands that it takes only those it knows: each name has a
 *  queue of its own. Its names may not hold a colon and its ids may not be numbers. */

export function bullNameOf(name: string): string {
  return name.replaceAll(':', '~')
}

export function bullIdOf(id: string): string {
  return `j${id}`
}

export function idOf(bullId: string | undefined): string {
  return bullId?.slice(1) ?? ''
}

export function keysOf(prefix: string) {
  return {
    /** The set of all names that ever had a job. */
    names: `${prefix}:tenfold:names`,
    /** The highest id given away. */
    ids: `${prefix}:tenfold:ids`,
    /** Jobs that wait for events, by id. */
    waits: `${prefix}:tenfold:waits`,
    /** Reasons of jobs that are to be cancelled, by id. */
    cancels: `${prefix}:tenfold:cancels`,
    /** Of which start of the server all held jobs have been looked at. */
    epoch: `${prefix}:tenfold:epoch`,
    /** Counts of one minute, by name. */
    stat: (minute: number) => `${prefix}:tenfold:stat:${minute}`,
    unique: (name: string, key: string) => `${prefix}:${bullNameOf(name)}:de:${key}`,
    /** Of finished steps and waits of a job. */
    steps: (name: string, id: string) => `${prefix}:${bullNameOf(name)}:${bullIdOf(id)}:steps`,
    /** Of who runs a job, by BullMQ. */
    lock: (name: string, id: string) => `${prefix}:${bullNameOf(name)}:${bullIdOf(id)}:lock`,
    /** What BullMQ remembers of a name, such as that it is paused. */
    meta: (name: string) => `${prefix}:${bullNameOf(name)}:meta`,
    /** Of jobs that wait, by priority and arrival, by BullMQ. */
    prioritized: (name: string) => `${prefix}:${bullNameOf(name)}:prioritized`,
    /** Of finished jobs, by BullMQ. */
    done: (name: string) => `${prefix}:${bullNameOf(name)}:completed`,
    job: (name: string, id: string) => `${prefix}:${bullNameOf(name)}:${bullIdOf(id)}`,
  }
}
