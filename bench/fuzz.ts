import { parseArgs } from 'node:util'
import { checkMutations } from '../main/traces/testing/mutationCheck.ts'

/** The least that counts as a run. */
const INPUTS = 200_000
const PORTION = 5000

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean', default: false }, inputs: { type: 'string' }, seed: { type: 'string', default: '1000000' } }, allowPositionals: true,
  })
  const wanted = Number(values.inputs ?? INPUTS)
  const seed = Number(values.seed)
  if (!Number.isInteger(wanted) || wanted < 1 || !Number.isInteger(seed)) {
    process.stderr.write('--inputs and --seed are whole numbers\n')
    return 2
  }
  const total = { inputs: 0, opened: 0, refused: 0, compared: 0, slowestMs: 0 }
  for (let done = 0; done < wanted;) {
    const inputs = Math.min(PORTION, wanted - done)
    const report = await checkMutations({ seed: seed + done, inputs })
    if (report.problems.length > 0) {
      process.stdout.write(`${JSON.stringify(report.problems, null, 2)}\n`)
      return 1
    }
    done += inputs
    total.inputs += report.inputs
    total.opened += report.opened
    total.refused += report.refused
    total.compared += report.compared
    total.slowestMs = Math.max(total.slowestMs, report.slowestMs)
    process.stderr.write(`\r${done} of ${wanted}`)
  }
  process.stderr.write('\n')
  process.stdout.write(values.json
    ? `${JSON.stringify({ ...total, passed: true })}\n`
    : `${total.inputs} mutated traces: ${total.opened} opened (${total.compared} of them valid JSON, equal to JSON.parse span by span), ` +
      `${total.refused} refused with a typed error; no crash, no hang (slowest ${total.slowestMs.toFixed(1)} ms), no unreported loss\n`)
  return 0
}

process.exit(await main())
