import { modelledRing, smallRing, start } from './testing.ts'

/** A process that starts a run, prints the pids of its ranks once they work, and waits to be killed. */
const run = start(process.argv[2] === 'computing'
  // One step is seconds of JavaScript, during which no message is heard.
  ? smallRing({ seqLen: 4096, heads: 4, headDim: 64, blockQ: 2048, blockK: 2048, warmup: 0, mask: 'full', verify: false })
  : modelledRing(50, { iterations: 1000 }))
const stop = run.onProgress(({ phase }) => {
  if (phase !== 'measuring') return
  stop()
  // Once more, so that the ranks are in the middle of a step.
  setTimeout(() => process.stdout.write(JSON.stringify(run.processes.map(({ pid }) => pid))), 500)
})
