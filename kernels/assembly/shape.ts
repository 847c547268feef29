import { LOG2_E, writeExpTable } from "./simd";

// The shape and the addresses of the scratch, set once by configure(). Arrays are f32 unless said, row-major.
export let batch: i32 = 0;
export let heads: i32 = 0;
export let kvHeads: i32 = 0;
export let headDim: i32 = 0;
export let tokens: i32 = 0;
export let blockQ: i32 = 0;
export let blockK: i32 = 0;
/** One row of a tensor, and one strip of 8 such rows, in bytes. */
export let rowBytes: usize = 0;
export let stripBytes: usize = 0;
/** 1 / sqrt(headDim), and that times log2(e): scores come out ready for powers of two. */
export let scale: f32 = 0;
export let scoreScale: f32 = 0;

/** i32[items * tokens + 8]: the key range of every query row, for one batch item or for each. */
export let rangeFrom: usize = 0;
export let rangeTo: usize = 0;
/** Constants of the exponentials, 9 floats. */
export let expTable: usize = 0;
/** One query tile in strips of 8: [strips, headDim, 8] twice; [strips, 8] twice; [strips]. */
export let queryStrips: usize = 0;
export let outputStrips: usize = 0;
export let referenceStrips: usize = 0;
export let sumStrips: usize = 0;
/** What no score of a strip exceeds in size. */
export let boundStrips: usize = 0;
/** [8] twice, and the scores of one strip against one key tile, [blockK, 8]. */
export let bias: usize = 0;
export let rescale: usize = 0;
export let scores: usize = 0;

export function configure(
  batch_: i32, heads_: i32, kvHeads_: i32, headDim_: i32, tokens_: i32, blockQ_: i32, blockK_: i32,
  rangeFrom_: usize, rangeTo_: usize, expTable_: usize, queryStrips_: usize, outputStrips_: usize,
  referenceStrips_: usize, sumStrips_: usize, boundStrips_: usize, bias_: usize, rescale_: usize, scores_: usize
): void {
  batch = batch_;
  heads = heads_;
  kvHeads = kvHeads_;
  headDim = headDim_;
  tokens = tokens_;
  blockQ = blockQ_;
  blockK = blockK_;
  rowBytes = <usize>headDim_ << 2;
  stripBytes = <usize>headDim_ << 5;
  scale = <f32>(1.0 / sqrt(<f64>headDim_));
  scoreScale = <f32>(LOG2_E / sqrt(<f64>headDim_));
  rangeFrom = rangeFrom_;
  rangeTo = rangeTo_;
  expTable = expTable_;
  queryStrips = queryStrips_;
  outputStrips = outputStrips_;
  referenceStrips = referenceStrips_;
  sumStrips = sumStrips_;
  boundStrips = boundStrips_;
  bias = bias_;
  rescale = rescale_;
  scores = scores_;
  writeExpTable(expTable_);
}

/** Address of the K/V head that query head `head` of batch item `item` attends to. */
// @ts-ignore: decorator
@inline
export function kvHeadOffset(item: i32, head: i32): usize {
  return <usize>(item * kvHeads + head / (heads / kvHeads)) * (rowBytes * <usize>tokens);
}
