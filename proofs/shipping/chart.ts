/** The chart, filled by Go's own templates, which is what Helm fills charts with: it has to give the manifests that are written
 *  beside it, and a value that is set has to arrive. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { parse, parseAllDocuments } from 'yaml'
import type { Claim } from '../../scripts/claims/index.ts'
import { checkAlerts } from '../../packages/tenfold/src/alerts/index.ts'
import { DEFAULTS, planOf, type Facts } from '../../packages/tenfold/src/deploy/index.ts'
import { missing, must, run } from './processes.ts'

/** What is missing for it, or nothing. */
export function chartImpossible(): string | undefined {
  return missing(['go'])
}

const FACTS: Facts = {
  ...DEFAULTS,
  app: 'book_shop',
  domain: 'shop.example.com',
  modules: ['orders', 'billing'],
  settings: ['SMTP_URL'],
  alerts: checkAlerts({}),
  metrics: { 'orders.placed': { kind: 'counter', unit: '{order}' } },
}
type PlannedFile = ReturnType<typeof planOf>['files'][number]

const STAGES = [3, 4, 5, 6] as const

export async function proveChart({ folder }: { folder: string }, log: (text: string) => void): Promise<Claim[]> {
  log('the chart, by the templates of Go')
  const place = join(folder, 'chart')
  mkdirSync(place)
  writeFileSync(join(place, 'fill.go'), FILL)
  await must('env', [`GOCACHE=${place}/cache`, 'GO111MODULE=off', 'go', 'build', '-o', 'fill', 'fill.go'], place)
  const fill = async (templates: readonly PlannedFile[], values: unknown): Promise<unknown[] | string> => {
    for (const { path, text } of templates) writeFileSync(join(place, basename(path)), text)
    writeFileSync(join(place, 'values.json'), JSON.stringify(values))
    const names = templates.map(({ path }) => basename(path))
    const { code, output } = await run(join(place, 'fill'), names, { cwd: place })
    if (code !== 0) return output
    return names.flatMap((name) => objectsIn(readFileSync(join(place, `${name}.filled`), 'utf8')))
  }

  const claims: Claim[] = []
  for (const stage of STAGES) {
    const { files } = planOf(FACTS, stage, ['kubernetes', 'helm'])
    const of = (folderName: string): PlannedFile[] => files.filter(({ path }) => path.startsWith(folderName))
    const templates = of('helm/templates/')
    const values = parse(of('helm/values.yaml')[0]!.text) as { web: { least: number } }
    const plain = templates.flatMap(({ path }) =>
      objectsIn(files.find((file) => file.path === path.replace('helm/templates', 'kubernetes'))!.text),
    )
    const filled = await fill(templates, values)
    const same = typeof filled !== 'string' && filled.filter((one, i) => isDeepStrictEqual(one, plain[i])).length
    claims.push({
      claim: `stage ${stage}: objects of the chart that are those of the plain manifests`,
      goal: `all ${plain.length}`,
      value: typeof filled === 'string' ? filled.slice(0, 300) : Number(same),
      holds: same === plain.length && plain.length > 10,
    })
    if (stage !== 6) continue
    const set = await fill(templates, { ...values, web: { ...values.web, least: 77 } })
    const arrives = JSON.stringify(set).includes(':77')
    claims.push({
      claim: 'a value that is set',
      goal: 'arrives',
      value: arrives ? 'arrives' : 'is lost',
      holds: arrives,
    })
    const without = await fill(templates, { ...values, web: {} })
    const refused = typeof without === 'string' && /no entry for key/.test(without)
    claims.push({
      claim: 'a value that is not there',
      goal: 'noticed',
      value: refused ? 'noticed' : 'not noticed',
      holds: refused,
    })
  }
  return claims
}

/** As a cluster reads them; hooks of Helm are the chart's own. */
function objectsIn(text: string): unknown[] {
  return parseAllDocuments(text).map((document) => {
    const value = document.toJS() as { metadata?: { annotations?: Record<string, string> } } | null
    const annotations = value?.metadata?.annotations
    for (const name of Object.keys(annotations ?? {})) if (name.startsWith('helm.sh/')) delete annotations![name]
    if (annotations && Object.keys(annotations).length === 0) delete value!.metadata!.annotations
    return value
  })
}

const FILL = `package main

import (
	"encoding/json"
	"fmt"
	"os"
	"text/template"
)

func fail(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	text, err := os.ReadFile("values.json")
	fail(err)
	var values map[string]interface{}
	fail(json.Unmarshal(text, &values))
	for _, name := range os.Args[1:] {
		filled, err := template.New(name).Option("missingkey=error").ParseFiles(name)
		fail(err)
		out, err := os.Create(name + ".filled")
		fail(err)
		fail(filled.Execute(out, map[string]interface{}{"Values": values}))
		fail(out.Close())
	}
}
`
