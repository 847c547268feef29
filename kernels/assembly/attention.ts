// What the host calls: the shape, a forward pass, a backward pass.
export { configure } from "./shape";
export { begin, attend, merge, normalize } from "./forward";
export { configureBackward, rowDots, attendBackward } from "./backward";

// The micro-kernels are exported for two reasons: the bench times them alone, and an exported function is not inlined
// into its one caller, so that the engine replaces each by optimised code in mid-pass, between two calls.
export { scoreStrip } from "./scores";
export { foldStrip, scaleStrip } from "./values";
export { gradientTile } from "./gradients";
export { maskStrip, boundedStrip, softmaxStrip } from "./softmax";
export { weightStrip, maskedWeightStrip } from "./backward";
export { gatherStrip, scatterStrip, addStrip, packRow } from "./strips";
// What the machine can do at most, for its roofline.
export { multiplyAdds } from "./peak";
export { exponentials, readAll } from "./roofline";
