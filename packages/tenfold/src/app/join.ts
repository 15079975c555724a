/** Turns what is asked for one by one within a tick into one question for all of it. */
export interface Join<Key, Value> {
  ask(key: Key): Promise<Value>
}

interface Asked<Key, Value> {
  key: Key
  resolve(value: Value): void
  reject(error: unknown): void
}

/** `answer` gives one promise for each key, in their order. It is called in the context of whoever asked first.
 *  A tick lasts until all promises that can go on have gone on, so that askers a few awaits deep are joined, too. */
export function createJoin<Key, Value>(
  answer: (keys: Key[]) => readonly Promise<Value>[],
  most: number,
): Join<Key, Value> {
  let waiting: Asked<Key, Value>[] = []

  const dispatch = (): void => {
    const asked = waiting
    waiting = []
    for (let from = 0; from < asked.length; from += most) {
      const part = asked.slice(from, from + most)
      const answers = answer(part.map(({ key }) => key))
      part.forEach(({ resolve, reject }, i) => answers[i]!.then(resolve, reject))
    }
  }

  return {
    ask: (key) =>
      new Promise((resolve, reject) => {
        waiting.push({ key, resolve, reject })
        if (waiting.length === 1) void Promise.resolve().then(() => process.nextTick(dispatch))
      }),
  }
}
