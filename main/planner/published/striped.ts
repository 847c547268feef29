import { planRun } from '../../../kernels/plan/planRun.ts'
import { tileQuantised } from '../../../kernels/plan/tileQuantised.ts'
import type { PublishedAnswer } from '../../../preload/contract/planner.ts'
import { answer, experiment } from './answer.ts'
import { fitIncreasing } from './fit.ts'

const SOURCE = 'Brandon et al. 2023, "Striped Attention", 7B on 8 A100, rings of 4'
const RING = 4

/** Tokens, the paper's theoretical maximum speed-up of the whole model, and the measured one, of striped over contiguous. */
const SPEEDUPS = [[16_384, 1.34, 0.94], [32_768, 1.47, 1.07], [131_072, 1.65, 1.36], [262_144, 1.7, 1.43]] as const

/** The paper's tiles on A100. */
const TILE = { blockQ: 2048, blockK: 4096 } as const

/** Pairs that the slowest rank computes, in whole tiles or exactly, of contiguous and of striped shards. */
function makespans(seqLen: number, tiled: boolean): { readonly contiguous: number; readonly striped: number } {
  const of = (layout: 'contiguous' | 'striped'): number => {
    const config = experiment({ world: RING, layout, seqLen, heads: 32, headDim: 128, ...TILE })
    return (tiled ? tileQuantised(config) : null)?.makespanPairs ?? planRun(config).makespanPairs
  }
  return { contiguous: of('contiguous'), striped: of('striped') }
}

/**
 * Speed-up of a model of which attention is a part: (A + R) / (A' + R), where attention takes as long as its pairs and the
 * rest as long as its tokens. @param pairsPerToken pairs that cost as much as the rest of the model does for a token.
 */
function modelSpeedup(seqLen: number, pairsPerToken: number, tiled: boolean): number {
  const { contiguous, striped } = makespans(seqLen, tiled)
  const rest = pairsPerToken * (seqLen / RING)
  return (contiguous + rest) / (striped + rest)
}

/** The part of the model that is not attention, fitted on the shortest sequence's theoretical maximum. */
function fittedRest(): number {
  const [seqLen, most] = SPEEDUPS[0]
  // A larger rest means a smaller gain.
  return fitIncreasing((pairsPerToken) => -modelSpeedup(seqLen, pairsPerToken, false), -most, 0, 1e6)
}

/** Theoretical maxima of the paper and what it measured, from one number: how much of the model is not attention. */
export function stripedAnswers(): PublishedAnswer[] {
  const rest = fittedRest()
  return SPEEDUPS.flatMap(([seqLen, most, measured], index) => [
    answer({
      source: SOURCE, reference: '1.4', what: `theoretical maximum at ${seqLen / 1024}k tokens`, unit: 'x', kind: 'formula',
      role: index === 0 ? 'calibration' : 'prediction', published: most, ours: modelSpeedup(seqLen, rest, false),
      note: index === 0 ? `fits the rest of the model: as long for a token as attention for ${Math.round(rest)} pairs` : 'pairs counted exactly, communication free',
    }),
    answer({
      source: SOURCE, reference: '1.4', what: `measured at ${seqLen / 1024}k tokens`, unit: 'x', kind: 'measured',
      published: measured, ours: modelSpeedup(seqLen, rest, true),
      note: `whole tiles of ${TILE.blockQ} x ${TILE.blockK}, communication free and no cost of a step: an upper bound. Coarse tiles take all of the gain from the shortest`,
    }),
  ])
}
