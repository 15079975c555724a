import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { plant, readTree, type Tree } from './tree.ts'

/** What a law saw and what it does not accept. A law that saw next to nothing is broken, not satisfied. */
export interface Verdict {
  /** How many things were looked at: imports, files, links. */
  seen: number
  /** One sentence for each fault: where, what, and why it is not allowed. */
  faults: string[]
}

export interface Law {
  name: string
  /** The accident behind the law. */
  why: string
  /** Looking at fewer things than this in the real repository means that the law looks at the wrong place. */
  atLeast: number
  judge(tree: Tree): Verdict
}

/** A fault on purpose: the law has to refuse this tree, and to say so in these words. */
export interface Planted {
  files: Record<string, string>
  says: RegExp
}

/** Holds the repository to a law, after showing that the law can refuse.
 *  `accepts` are trees that look similar to the faults and are right. */
export function describeLaw(
  law: Law,
  planted: Record<string, Planted>,
  accepts: Record<string, Record<string, string>> = {},
): void {
  describe(law.name, () => {
    for (const [fault, { files, says }] of Object.entries(planted)) {
      test(`refuses ${fault}`, () => {
        const { faults } = law.judge(plant(files))
        assert.match(faults.join('\n'), says)
      })
    }
    for (const [what, files] of Object.entries(accepts)) {
      test(`accepts ${what}`, () => assert.deepEqual(law.judge(plant(files)).faults, []))
    }
    test('holds in this repository', () => {
      const { seen, faults } = law.judge(readTree())
      assert.ok(
        seen >= law.atLeast,
        `looked at ${seen} only, expected ${law.atLeast} or more: is it looking at the right place?`,
      )
      assert.equal(faults.length, 0, `${law.why}\n\n${faults.join('\n')}\n`)
    })
  })
}
