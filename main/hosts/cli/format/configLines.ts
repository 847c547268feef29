import type { RunConfig } from '../../../../kernels/config/runConfig.ts'
import { formatCount } from './units.ts'

/** "double ring in windows of 2", or nothing for the plain ring. */
function describeAlgorithm({ algorithm, window, ulyssesDegree, ringSets }: RunConfig): string[] {
  const names = {
    'ring': [], 'double-ring': [`double ring in windows of ${window}`], 'ulysses': ['Ulysses'],
    'hybrid': [`Ulysses of ${ulyssesDegree} x ring`], 'distflash': ['DistFlashAttention'],
  }
  return [...names[algorithm], ...(ringSets === 1 ? [] : [`${ringSets} ring sets`])]
}

function describeMask({ mask, lookback, cuSeqlens, keyPadding }: RunConfig): string[] {
  return [
    mask,
    ...(lookback === null ? [] : [`lookback ${formatCount(lookback)}`]),
    ...(cuSeqlens === null ? [] : [`${formatCount(cuSeqlens.length - 1)} packed documents`]),
    ...(keyPadding === null ? [] : [`key lengths ${keyPadding.map(formatCount).join(' and ')}`]),
  ]
}

/** The config in two lines. */
export function describeConfig(config: RunConfig): string {
  const heads = config.kvHeads === config.heads ? `${config.heads}` : `${config.heads} query, ${config.kvHeads} key/value`
  const layout = config.layout === 'block-cyclic' ? `block-cyclic by ${formatCount(config.cyclicWidth)}` : config.layout
  const arrangement = [
    `${config.world} ranks`, ...describeAlgorithm(config), layout, ...describeMask(config),
    ...(config.pass === 'forward' ? [] : ['forward and backward']),
    ...(config.wireDtype === 'float32' ? [] : [`${config.wireDtype} wire`]),
    `overlap ${config.overlap ? 'on' : 'off'}`,
  ]
  return `${config.name}\n` +
    `${arrangement.join(', ')}; ` +
    `batch ${config.batch}, ${formatCount(config.seqLen)} tokens, heads ${heads}, head dimension ${config.headDim}, ` +
    `tiles ${config.blockQ} x ${config.blockK}`
}
