/** A bell that remembers one ring: `fire` before `wait` is not lost. */
export interface Signal {
  fire(): void
  /** True when it was rung, false when the time was up. */
  wait(ms: number): Promise<boolean>
}

export function createSignal(): Signal {
  let rung = false
  let waiter: ((rung: boolean) => void) | undefined
  return {
    fire() {
      rung = true
      waiter?.(true)
    },
    async wait(ms) {
      if (!rung) {
        await new Promise<boolean>((resolve) => {
          const timer = setTimeout(resolve, ms, false)
          waiter = (value) => {
            clearTimeout(timer)
            resolve(value)
          }
        })
        waiter = undefined
      }
      const was = rung
      rung = false
      return was
    },
  }
}
