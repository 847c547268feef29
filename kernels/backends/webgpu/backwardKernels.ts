import type { RankShape } from '../backend.ts'
import { type KernelSource, storage } from './forwardKernels.ts'
import { THREADS, type Tiling } from './tiling.ts'
import {
  accumulate, accumulators, constants, eachElement, entry, ownQueries, products, rangeFunctions, rowOf, stagingFunctions, tilingConstants, times,
} from './wgsl.ts'

/**
 * dQ += scale dS K, dS = P o (dO V^T - delta), P = exp(S - lse). A workgroup owns a tile of query rows; what they
 * gathered from other blocks is in `gathered`. `stats` is (lse as an exponent of two, delta) of every query row.
 */
export function queryGradientKernel(shape: RankShape, tiling: Tiling): KernelSource {
  const { batch, heads, tokens } = shape
  const tiles = Math.ceil(tokens / tiling.rows)
  const workgroups = batch * heads * tiles
  const { rowsPerThread } = tiling
  return {
    label: 'attention backward, dQ', workgroups, bindings: ['ranges', 'params', 'q', 'k', 'v', 'dOut', 'stats', 'gathered'],
    code: `
${constants(shape)}${tilingConstants(tiling)}${rangeFunctions(batch, shape, tiling.rows)}
${storage(['q', 'k', 'v', 'dOut'], 2, 'read', 'vec4f')}
${storage(['stats'], 6, 'read', 'vec2f')}
${storage(['gathered'], 7, 'read_write', 'vec4f')}
${stagingFunctions('q')}
${stagingFunctions('dOut')}
${stagingFunctions('k', 'i32(row) >= live.x && i32(row) < live.y')}
${stagingFunctions('v')}
${entry(workgroups, THREADS, `
  ${ownQueries(tiles)}

  ${times(rowsPerThread, (i) => `
  let query${i} = firstQuery + ${rowOf(i)};
  var range${i} = vec2i();
  var stats${i} = vec2f();
  if (query${i} < TOKENS) {
    range${i} = range_of(item, query${i});
    stats${i} = stats[head * TOKENS + query${i}];
  }`)}
  ${accumulators(tiling, 'dq', (variable) => `var ${variable} = vec4f();`)}

  for (var firstKey = u32(live.x) / TILE_COLUMNS * TILE_COLUMNS; firstKey < u32(live.y); firstKey += TILE_COLUMNS) {
    ${products(tiling, 'score', { tensor: 'q', head: 'head', first: 'firstQuery' }, { tensor: 'k', head: 'kvHead', first: 'firstKey' })}
    ${products(tiling, 'dWeight', { tensor: 'dOut', head: 'head', first: 'firstQuery' }, { tensor: 'v', head: 'kvHead', first: 'firstKey' })}
    let keys = vec4i(i32(firstKey + 4u * tx)) + vec4i(0, 1, 2, 3);
    ${times(rowsPerThread, (i) => `{
      let allowed = (keys >= vec4i(range${i}.x)) & (keys < vec4i(range${i}.y));
      let weight = exp2(select(vec4f(NO_SCORE), score${i} * SCORE_SCALE - vec4f(stats${i}.x), allowed));
      weights[${rowOf(i)} * WEIGHT_STRIDE + tx] = select(vec4f(), weight * (dWeight${i} - vec4f(stats${i}.y)), allowed);
    }`)}
    ${accumulate(tiling, 'dq', { tensor: 'k', item: 'item', head: 'kvHead', first: 'firstKey', live: 'live' })}
  }
  ${eachElement(tiling, 'dq', 'head', 'firstQuery', (variable) => `gathered[at] += ${variable} * GRADIENT_SCALE;`)}
`)}`,
  }
}

/**
 * dV = P^T dO and dK = scale dS^T Q of the block, summed over the query heads that share a key/value head. A workgroup
 * owns a tile of key rows and walks over the queries, so that nothing is added up across workgroups.
 */
export function keyGradientKernel(shape: RankShape, tiling: Tiling, queryTileRows: number): KernelSource {
  const { batch, kvHeads, tokens } = shape
  const tiles = Math.ceil(tokens / tiling.rows)
  const workgroups = batch * kvHeads * tiles
  const { rowsPerThread } = tiling
  return {
    label: 'attention backward, dK and dV', workgroups, bindings: ['ranges', 'params', 'q', 'k', 'v', 'dOut', 'stats', 'dk', 'dv'],
    code: `
${constants(shape)}${tilingConstants(tiling)}${rangeFunctions(batch, shape, queryTileRows)}
${storage(['q', 'k', 'v', 'dOut'], 2, 'read', 'vec4f')}
${storage(['stats'], 6, 'read', 'vec2f')}
${storage(['dk', 'dv'], 7, 'read_write', 'vec4f')}
fn attends(item: u32, row: u32) -> bool {
  let range = range_of(item, row);
  return range.x < range.y;
}
${stagingFunctions('k')}
${stagingFunctions('v')}
${stagingFunctions('q', 'attends(item, row)')}
${stagingFunctions('dOut', 'attends(item, row)')}
${entry(workgroups, THREADS, `
  let tx = thread % 16u;
  let ty = thread / 16u;
  let tile = index % ${tiles}u;
  let kvHead = index / ${tiles}u;
  let item = kvHead / KV_HEADS;
  let firstKey = tile * TILE_ROWS;
  ${accumulators(tiling, 'dk', (variable) => `var ${variable} = vec4f();`)}
  ${accumulators(tiling, 'dv', (variable) => `var ${variable} = vec4f();`)}

  for (var firstQuery = 0u; firstQuery < TOKENS; firstQuery += TILE_COLUMNS) {
    let live = range_of_columns(item, firstQuery / TILE_COLUMNS);
    if (live.x >= i32(firstKey + TILE_ROWS) || live.y <= i32(firstKey)) { continue; }
    for (var member = 0u; member < GROUP; member++) {
      let head = kvHead * GROUP + member;
      ${products(tiling, 'score', { tensor: 'k', head: 'kvHead', first: 'firstKey' }, { tensor: 'q', head: 'head', first: 'firstQuery' })}
      ${products(tiling, 'dWeight', { tensor: 'v', head: 'kvHead', first: 'firstKey' }, { tensor: 'dOut', head: 'head', first: 'firstQuery' })}
      var rangeFrom = vec4i();
      var rangeTo = vec4i();
      var lse = vec4f();
      var delta = vec4f();
      ${times(4, (j) => `{
        let query = firstQuery + 4u * tx + ${j}u;
        if (query < TOKENS) {
          let range = range_of(item, query);
          rangeFrom[${j}] = range.x;
          rangeTo[${j}] = range.y;
          let row = stats[head * TOKENS + query];
          lse[${j}] = row.x;
          delta[${j}] = row.y;
        }
      }`)}
      ${times(rowsPerThread, (i) => `
      let key${i} = vec4i(i32(firstKey + ${rowOf(i)}));
      let allowed${i} = (key${i} >= rangeFrom) & (key${i} < rangeTo);
      let weight${i} = exp2(select(vec4f(NO_SCORE), score${i} * SCORE_SCALE - lse, allowed${i}));
      weights[${rowOf(i)} * WEIGHT_STRIDE + tx] = select(vec4f(), weight${i}, allowed${i});`)}
      ${accumulate(tiling, 'dv', { tensor: 'dOut', item: 'item', head: 'head', first: 'firstQuery', live: 'live' })}
      workgroupBarrier();
      ${times(rowsPerThread, (i) => `
      weights[${rowOf(i)} * WEIGHT_STRIDE + tx] = select(vec4f(), weight${i} * (dWeight${i} - delta), allowed${i});`)}
      ${accumulate(tiling, 'dk', { tensor: 'q', item: 'item', head: 'head', first: 'firstQuery', live: 'live' })}
    }
  }
  ${eachElement(tiling, 'dk', 'kvHead', 'firstKey', (variable) => `dk[at] = ${variable} * GRADIENT_SCALE;`)}
  ${eachElement(tiling, 'dv', 'kvHead', 'firstKey', (variable) => `dv[at] = ${variable};`)}
`)}`,
  }
}
