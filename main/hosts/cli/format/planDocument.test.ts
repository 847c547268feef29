import { describe, expect, test } from 'vitest'
import { parseRunConfig, type RunConfigInput } from '../../../../kernels/config/runConfig.ts'
import { planRun } from '../../../../kernels/plan/planRun.ts'
import { planFigures, planReport } from '../../../planner/planReport.ts'
import { planDocument } from './planDocument.ts'

function documentOf(fields: Partial<RunConfigInput>): { readonly text: string; readonly largestPiece: number } {
  const config = parseRunConfig({ world: 4, seqLen: 4096, heads: 8, headDim: 64, ...fields }, 'test')
  const plan = planRun(config)
  // A piece lasts until the next one.
  const pieces = Array.from(planDocument(planFigures(config, plan), plan), (piece) => Buffer.from(piece))
  return { text: Buffer.concat(pieces).toString(), largestPiece: Math.max(...pieces.map(({ length }) => length)) }
}

describe('the document of a plan', () => {
  test.each([
    {}, { pass: 'forward-backward', algorithm: 'hybrid', ulyssesDegree: 2 }, { algorithm: 'distflash', layout: 'contiguous' },
    { seqLen: 1 << 26, batch: 4096, keyPadding: Array<number>(4096).fill(1 << 26), mask: 'full' }, { world: 1, keyPadding: [0] },
    { name: '"ranks": "ranks go here", né à Ångström' },
  ] satisfies Partial<RunConfigInput>[])('says what the report with all steps says: %j', (fields) => {
    const { text } = documentOf(fields)
    const config = parseRunConfig({ world: 4, seqLen: 4096, heads: 8, headDim: 64, ...fields }, 'test')
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(planReport(config))))
    expect(text.endsWith('}\n')).toBe(true)
  })

  test('comes in pieces, whatever its length', () => {
    const { text, largestPiece } = documentOf({ world: 200 })
    expect(text.length).toBeGreaterThan(3_000_000)
    expect(largestPiece).toBeLessThanOrEqual(1 << 20)
  })
})
