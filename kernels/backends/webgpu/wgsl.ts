/**
 * Pieces of WGSL that the kernels are made of. A kernel is generated for one shape: its sizes are constants, and what a
 * thread keeps is in variables with the index in their name, since an array that is indexed at run time may end up in
 * memory instead of registers. Tensors are arrays of vec4f, [batch, heads, tokens, ROW], rows filled up with zeros.
 */
import type { RankShape } from '../backend.ts'
import { CHUNK, STAGED_STRIDE, THREAD_COLUMNS, THREADS, TILE_COLUMNS, type Tiling, WEIGHT_STRIDE } from './tiling.ts'

/** Workgroups of one dimension of a dispatch, which WebGPU limits; kernels flatten two of them. */
export const MOST_WORKGROUPS = 65_535

/** Lines for 0 .. count - 1. */
export const times = (count: number, line: (index: number) => string): string => Array.from({ length: count }, (_, index) => line(index)).join('\n')

const float = (value: number): string => `${value.toExponential(9)}f`

/** Score of a pair that is not allowed, in place of -Infinity, which WGSL's compilers may assume never to occur. */
export const NO_SCORE = -1e30

export function constants(shape: RankShape): string {
  const { heads, kvHeads, headDim, tokens } = shape
  return `
const TOKENS = ${tokens}u;
const HEADS = ${heads}u;
const KV_HEADS = ${kvHeads}u;
const GROUP = ${heads / kvHeads}u;
const ROW = ${Math.ceil(headDim / 4)}u;
/** Of a product of query and key, to be an exponent of two. */
const SCORE_SCALE = ${float(Math.LOG2E / Math.sqrt(headDim))};
const GRADIENT_SCALE = ${float(1 / Math.sqrt(headDim))};
const NO_SCORE = ${float(NO_SCORE)};
`
}

export function tilingConstants(tiling: Tiling): string {
  return `
const TILE_ROWS = ${tiling.rows}u;
const TILE_COLUMNS = ${TILE_COLUMNS}u;
const THREADS = ${THREADS}u;
const CHUNK = ${CHUNK}u;
const CHUNKS = ${Math.ceil(tiling.rowVec4s / CHUNK)}u;
const STAGED_ROWS = ${tiling.stagedRows}u;
const STAGED_STRIDE = ${STAGED_STRIDE}u;
const WEIGHT_STRIDE = ${WEIGHT_STRIDE}u;
var<workgroup> staged: array<vec4f, ${tiling.stagedVec4s}>;
var<workgroup> weights: array<vec4f, ${tiling.rows * WEIGHT_STRIDE}>;
`
}

/**
 * The key range of every query row, [items, TOKENS] as (from, to); then of every tile of {@link TILE_COLUMNS} and of
 * every tile of `tileRows` query rows the least interval that holds those of its rows.
 */
export function rangeFunctions(items: number, shape: RankShape, tileRows: number): string {
  const { columns, rows } = rangeLayout(items, shape, tileRows)
  return `
@group(0) @binding(0) var<storage, read> ranges: array<vec2i>;
@group(0) @binding(1) var<uniform> params: vec4u;

/** Items share one set of ranges, or have one each: params.x is 0 or 1. */
fn range_of(item: u32, row: u32) -> vec2i { return ranges[item * params.x * TOKENS + row]; }
fn range_of_columns(item: u32, tile: u32) -> vec2i { return ranges[${columns.first}u + item * params.x * ${columns.count}u + tile]; }
fn range_of_rows(item: u32, tile: u32) -> vec2i { return ranges[${rows.first}u + item * params.x * ${rows.count}u + tile]; }
`
}

/** Where in the ranges buffer the blocks' ranges lie, in entries. */
export function rangeLayout(items: number, { tokens }: RankShape, tileRows: number): {
  readonly columns: { readonly first: number; readonly count: number }
  readonly rows: { readonly first: number; readonly count: number }
  readonly entries: number
} {
  const columns = { first: items * tokens, count: Math.ceil(tokens / TILE_COLUMNS) }
  const rows = { first: columns.first + items * columns.count, count: Math.ceil(tokens / tileRows) }
  return { columns, rows, entries: rows.first + items * rows.count }
}

/** The staged row that holds tile column `column`: a thread's 4 columns lie 16 rows apart, so that neighbours read neighbours. */
const COLUMN_SLOT = 'TILE_ROWS + (row % 4u) * 16u + row / 4u'

/**
 * Functions that stage `tensor`: `<tensor>_rows` and `<tensor>_columns` a chunk of the rows of a tile for a product over
 * headDim, `<tensor>_values` whole rows for a product over a tile's columns. `live` is an expression of `row` (within the
 * head) that says whether the row counts; others are taken as zeros, whatever they hold.
 */
export function stagingFunctions(tensor: string, live = 'true'): string {
  const stageChunk = (role: string, count: string, slot: string): string => `
fn ${tensor}_${role}(head: u32, first: u32, chunk: u32, thread: u32) {
  for (var at = thread; at < ${count} * CHUNK; at += THREADS) {
    let row = at / CHUNK;
    let column = chunk * CHUNK + at % CHUNK;
    var value = vec4f();
    if (first + row < TOKENS && column < ROW) { value = ${tensor}[(head * TOKENS + first + row) * ROW + column]; }
    staged[(${slot}) * STAGED_STRIDE + at % CHUNK] = value;
  }
}`
  return `${stageChunk('rows', 'TILE_ROWS', 'row')}
${stageChunk('columns', 'TILE_COLUMNS', COLUMN_SLOT)}
fn ${tensor}_values(item: u32, head: u32, first: u32, live: vec2i, thread: u32) {
  for (var at = thread; at < STAGED_ROWS * ROW; at += THREADS) {
    let row = first + at / ROW;
    var value = vec4f();
    if (row < TOKENS && ${live}) { value = ${tensor}[(head * TOKENS + row) * ROW + at % ROW]; }
    staged[at] = value;
  }
}`
}

/** Rows of a thread: ty + 16 i. */
export const rowOf = (index: number): string => `(ty + ${THREAD_COLUMNS * index}u)`

/**
 * Products of the tile's rows of one tensor with the tile's columns of another, over headDim: for each row of the
 * thread a vec4 `<into><i>` with its 4 columns.
 */
export function products(
  tiling: Tiling, into: string, rows: { tensor: string; head: string; first: string }, columns: { tensor: string; head: string; first: string },
): string {
  const { rowsPerThread } = tiling
  return `
${times(rowsPerThread, (i) => `var ${into}${i} = vec4f();`)}
for (var chunk = 0u; chunk < CHUNKS; chunk++) {
  workgroupBarrier();
  ${rows.tensor}_rows(${rows.head}, ${rows.first}, chunk, thread);
  ${columns.tensor}_columns(${columns.head}, ${columns.first}, chunk, thread);
  workgroupBarrier();
  for (var at = 0u; at < CHUNK; at++) {
    ${times(4, (j) => `let column${j} = staged[(TILE_ROWS + ${16 * j}u + tx) * STAGED_STRIDE + at];`)}
    ${times(rowsPerThread, (i) => `{
      let row = staged[${rowOf(i)} * STAGED_STRIDE + at];
      ${into}${i} += vec4f(dot(row, column0), dot(row, column1), dot(row, column2), dot(row, column3));
    }`)}
  }
}`
}

/** Accumulators `<name><i>_<c>`: vec4 tx + 16 c of row ty + 16 i. */
export const accumulators = (tiling: Tiling, name: string, line: (variable: string, row: number, column: number) => string): string =>
  times(tiling.rowsPerThread, (i) => times(tiling.columnsPerThread, (c) => line(`${name}${i}_${c}`, i, c)))

/**
 * Adds to the accumulators the products of the tile of weights with the rows that its columns stand for. The weights
 * were written before; after it, every thread may still read them until the next barrier.
 */
export function accumulate(tiling: Tiling, into: string, values: { tensor: string; item: string; head: string; first: string; live: string }): string {
  const { rowsPerThread, columnsPerThread } = tiling
  return `
for (var first = 0u; first < TILE_COLUMNS; first += STAGED_ROWS) {
  workgroupBarrier();
  ${values.tensor}_values(${values.item}, ${values.head}, ${values.first} + first, ${values.live}, thread);
  workgroupBarrier();
  for (var at = 0u; at < STAGED_ROWS; at += 4u) {
    ${times(rowsPerThread, (i) => `let weight${i} = weights[${rowOf(i)} * WEIGHT_STRIDE + (first + at) / 4u];`)}
    ${times(columnsPerThread, (c) => `{
      let source = at * ROW + min(tx + ${THREAD_COLUMNS * c}u, ROW - 1u);
      let value0 = staged[source];
      let value1 = staged[source + ROW];
      let value2 = staged[source + 2u * ROW];
      let value3 = staged[source + 3u * ROW];
      ${times(rowsPerThread, (i) =>
        `${into}${i}_${c} += weight${i}.x * value0 + weight${i}.y * value1 + weight${i}.z * value2 + weight${i}.w * value3;`)}
    }`)}
  }
}`
}

/** The body for every accumulator that stands for an element of the tensor, with its index `at` there. */
export const eachElement = (tiling: Tiling, name: string, head: string, firstRow: string, line: (variable: string, row: number) => string): string =>
  accumulators(tiling, name, (variable, i, c) => `
if (${firstRow} + ${rowOf(i)} < TOKENS && tx + ${THREAD_COLUMNS * c}u < ROW) {
  let at = (${head} * TOKENS + ${firstRow} + ${rowOf(i)}) * ROW + tx + ${THREAD_COLUMNS * c}u;
  ${line(variable, i)}
}`)

/** The entry point of a kernel: `index` is the flattened workgroup, of `groups` in all. */
export const entry = (groups: number, threads: number, body: string): string => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let index = group.y * ${MOST_WORKGROUPS}u + group.x;
  if (index >= ${groups}u) { return; }
  ${body}
}
`

/** What a workgroup that owns one of a head's `tiles` tiles of query rows begins with; the last tiles, which may see most, go first. */
export const ownQueries = (tiles: number): string => `
  let tx = thread % 16u;
  let ty = thread / 16u;
  let tile = ${tiles - 1}u - index % ${tiles}u;
  let head = index / ${tiles}u;
  let item = head / HEADS;
  let kvHead = head / GROUP;
  let firstQuery = tile * TILE_ROWS;
  let live = range_of_rows(item, tile);
  if (live.x >= live.y) { return; }`

/** The dispatch of {@link entry}'s workgroups. */
export const dispatchOf = (groups: number): readonly [number, number] =>
  [Math.min(groups, MOST_WORKGROUPS), Math.ceil(groups / MOST_WORKGROUPS)]
