import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { announce, HOOK, instrument } from './instrument.ts'

type Cell = [name: string, line: number, get: () => unknown]

function load(source: string): { cells: Cell[]; objects: [() => Record<string, unknown>, Record<string, number>][] } {
  const cells: Cell[] = []
  const objects: [() => Record<string, unknown>, Record<string, number>][] = []
  const hook = {
    cells: (_: string, list: Cell[]) => void cells.push(...list),
    object: (
      _: object,
      fields: () => Record<string, unknown>,
      __: string,
      ___: string,
      lines: Record<string, number>,
    ) => void objects.push([fields, lines]),
  }
  runInNewContext(instrument(source, 'server.js', 'script').source, { [HOOK]: hook, Map })
  return { cells, objects }
}

test('variables of a module and of a function are read later, with the line where they stand', () => {
  const { cells } = load(
    `let count = 0\nconst limit = 3\nfunction start() {\n  const users = new Map()\n  users.set('a', 1)\n  count++\n}\nstart()`,
  )
  assert.deepEqual(
    cells.map(([name, line]) => [name, line]),
    [
      ['count', 1],
      ['users', 4],
    ],
  )
  assert.deepEqual([cells[0]![2](), (cells[1]![2]() as Map<string, number>).size], [1, 1])
})

test('fields of objects are read, private ones too, and no line moves', () => {
  const source = `class Votes {\n  #counts = { ann: 1 }\n  constructor() {\n    this.open = true\n  }\n}\nnew Votes()`
  const { objects } = load(source)
  assert.equal(instrument(source, 'a.js', 'script').source.split('\n').length, source.split('\n').length)
  assert.equal(JSON.stringify(objects[0]![0]()), '{"#counts":{"ann":1}}')
  assert.equal(JSON.stringify(objects[0]![1]), '{"#counts":2,"open":4}')
})

test('what does not parse stays as it is', () => {
  assert.equal(instrument('let = = 3', 'a.js', 'script').source, 'let = = 3')
})

test('the constructor of a named store reports itself, be it a class or a function', () => {
  for (const source of ['function Store() {}', 'class Store {}', 'const Store = class {}']) {
    const calls: unknown[] = []
    runInNewContext(`${announce(source, 'Store', "store('sessions')", 'script')};new Store()`, {
      [HOOK]: { store: (keeps: string) => void calls.push(keeps) },
    })
    assert.deepEqual(calls, ['sessions'], source)
  }
})
