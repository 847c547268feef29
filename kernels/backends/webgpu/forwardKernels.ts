import type { RankShape } from '../backend.ts'
import { THREADS, type Tiling } from './tiling.ts'
import {
  accumulate, accumulators, constants, eachElement, entry, ownQueries, products, rangeFunctions, rowOf, stagingFunctions, tilingConstants, times,
} from './wgsl.ts'

/** A kernel's source and its dispatch. */
export interface KernelSource {
  readonly label: string
  readonly code: string
  readonly workgroups: number
  /** Names of the storage buffers, in the order of their bindings. */
  readonly bindings: readonly string[]
}

/** Declarations of consecutive bindings. */
export const storage = (names: readonly string[], first: number, access: string, type: string): string =>
  names.map((name, index) => `@group(0) @binding(${first + index}) var<storage, ${access}> ${name}: array<${type}>;`).join('\n')

/**
 * The fused forward kernel: a workgroup owns a tile of query rows of one head and walks over the block's key tiles with
 * online softmax. `gathered` is the output before division by the sum, `stats` (maximum, sum) of every query row with
 * the maximum as an exponent of two; both carry over from block to block.
 */
export function forwardKernel(shape: RankShape, tiling: Tiling): KernelSource {
  const { batch, heads, tokens } = shape
  const tiles = Math.ceil(tokens / tiling.rows)
  const workgroups = batch * heads * tiles
  const { rowsPerThread } = tiling
  return {
    label: 'attention forward', workgroups, bindings: ['ranges', 'params', 'q', 'k', 'v', 'gathered', 'stats'],
    code: `
${constants(shape)}${tilingConstants(tiling)}${rangeFunctions(batch, shape, tiling.rows)}
${storage(['q', 'k', 'v'], 2, 'read', 'vec4f')}
${storage(['gathered'], 5, 'read_write', 'vec4f')}
${storage(['stats'], 6, 'read_write', 'vec2f')}
var<workgroup> exchanged: array<f32, ${tiling.rows * 16}>;
${stagingFunctions('q')}
${stagingFunctions('k')}
${stagingFunctions('v', 'i32(row) >= live.x && i32(row) < live.y')}
${entry(workgroups, THREADS, `
  ${ownQueries(tiles)}

  ${times(rowsPerThread, (i) => `
  let query${i} = firstQuery + ${rowOf(i)};
  var range${i} = vec2i();
  var most${i} = NO_SCORE;
  var sum${i} = 0f;
  if (query${i} < TOKENS) {
    range${i} = range_of(item, query${i});
    let carried = stats[head * TOKENS + query${i}];
    if (carried.y > 0f) {
      most${i} = carried.x;
      // The threads of a row each sum up their own columns; one of them carries on the sum.
      sum${i} = select(0f, carried.y, tx == 0u);
    }
  }`)}
  ${accumulators(tiling, 'out', (variable) => `var ${variable} = vec4f();`)}
  ${eachElement(tiling, 'out', 'head', 'firstQuery', (variable) => `${variable} = gathered[at];`)}

  for (var firstKey = u32(live.x) / TILE_COLUMNS * TILE_COLUMNS; firstKey < u32(live.y); firstKey += TILE_COLUMNS) {
    ${products(tiling, 'score', { tensor: 'q', head: 'head', first: 'firstQuery' }, { tensor: 'k', head: 'kvHead', first: 'firstKey' })}
    let keys = vec4i(i32(firstKey + 4u * tx)) + vec4i(0, 1, 2, 3);
    ${times(rowsPerThread, (i) => `
    score${i} = select(vec4f(NO_SCORE), score${i} * SCORE_SCALE, (keys >= vec4i(range${i}.x)) & (keys < vec4i(range${i}.y)));
    exchanged[${rowOf(i)} * 16u + tx] = max(max(score${i}.x, score${i}.y), max(score${i}.z, score${i}.w));`)}
    workgroupBarrier();
    ${times(rowsPerThread, (i) => `{
      var most = most${i};
      for (var at = 0u; at < 16u; at++) { most = max(most, exchanged[${rowOf(i)} * 16u + at]); }
      let rescale = exp2(most${i} - most);
      most${i} = most;
      // Where no key was allowed so far, most is NO_SCORE itself: such weights must not become exp2(0).
      let weight = select(vec4f(), exp2(score${i} - vec4f(most)), score${i} > vec4f(0.5 * NO_SCORE));
      sum${i} = sum${i} * rescale + weight.x + weight.y + weight.z + weight.w;
      weights[${rowOf(i)} * WEIGHT_STRIDE + tx] = weight;
      ${times(tiling.columnsPerThread, (c) => `out${i}_${c} *= rescale;`)}
    }`)}
    ${accumulate(tiling, 'out', { tensor: 'v', item: 'item', head: 'kvHead', first: 'firstKey', live: 'live' })}
  }

  ${eachElement(tiling, 'out', 'head', 'firstQuery', (variable) => `gathered[at] = ${variable};`)}
  ${times(rowsPerThread, (i) => `exchanged[${rowOf(i)} * 16u + tx] = sum${i};`)}
  workgroupBarrier();
  ${times(rowsPerThread, (i) => `
  if (tx == 0u && query${i} < TOKENS) {
    var sum = 0f;
    for (var at = 0u; at < 16u; at++) { sum += exchanged[${rowOf(i)} * 16u + at]; }
    stats[head * TOKENS + query${i}] = vec2f(most${i}, sum);
  }`)}
`)}`,
  }
}

const ROW_THREADS = 64

/** Divides `gathered` by the sums, in place; rows without keys become 0. One workgroup a row. */
export function normalizeKernel(shape: RankShape): KernelSource {
  const workgroups = shape.batch * shape.heads * shape.tokens
  return {
    label: 'normalize', workgroups, bindings: ['gathered', 'stats'],
    code: `
${constants(shape)}
${storage(['gathered'], 0, 'read_write', 'vec4f')}
${storage(['stats'], 1, 'read', 'vec2f')}
${entry(workgroups, ROW_THREADS, `
  let sum = stats[index].y;
  for (var column = thread; column < ROW; column += ${ROW_THREADS}u) {
    let at = index * ROW + column;
    gathered[at] = select(vec4f(), gathered[at] / sum, sum > 0f);
  }
`)}`,
  }
}

/**
 * Joins a finished partial result into the carried one: `partial` is its output, `partialLse` its log-sum-exp as an
 * exponent of two, at most NO_SCORE where it saw no keys. One workgroup a row.
 */
export function mergeKernel(shape: RankShape): KernelSource {
  const workgroups = shape.batch * shape.heads * shape.tokens
  return {
    label: 'merge', workgroups, bindings: ['gathered', 'stats', 'partial', 'partialLse'],
    code: `
${constants(shape)}
${storage(['gathered'], 0, 'read_write', 'vec4f')}
${storage(['stats'], 1, 'read_write', 'vec2f')}
${storage(['partial'], 2, 'read', 'vec4f')}
${storage(['partialLse'], 3, 'read', 'f32')}
${entry(workgroups, ROW_THREADS, `
  let lse = partialLse[index];
  if (lse <= 0.5 * NO_SCORE) { return; }
  let carried = stats[index];
  let before = select(NO_SCORE, carried.x, carried.y > 0f);
  let most = max(before, lse);
  let rescale = exp2(before - most);
  let weight = exp2(lse - most);
  for (var column = thread; column < ROW; column += ${ROW_THREADS}u) {
    let at = index * ROW + column;
    gathered[at] = gathered[at] * rescale + partial[at] * weight;
  }
  // All threads have read the row's statistics before one of them writes.
  storageBarrier();
  if (thread == 0u) { stats[index] = vec2f(most, carried.y * rescale + weight); }
`)}`,
  }
}
