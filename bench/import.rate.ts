import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { buildSpanIndex } from '../main/timeline/spanIndex.ts'
import { openTrace } from '../main/traces/open/openTraces.ts'

/**
 * A process of the import bench that does one thing over and over, when it is told to: neither side of the comparison
 * pays for the other's garbage, nor for what the other's keeps out of the processor's caches for long.
 */
const task = z.object({ path: z.string(), work: z.enum(['parse', 'open']) })

let text: string | null = null

/** @returns ms: of JSON.parse for the file's text, in memory already; or from the file to the index that answers queries. */
async function timeOnce({ path, work }: z.infer<typeof task>): Promise<number> {
  if (work === 'parse') text ??= readFileSync(path, 'latin1')
  const from = performance.now()
  if (text === null) buildSpanIndex(await openTrace(path))
  else JSON.parse(text)
  return performance.now() - from
}

process.on('message', (message) => {
  void timeOnce(task.parse(message)).then((ms) => process.send?.(ms))
})
