/** What every folder that `ringscope cluster` wrote has, and hardly another. */
const MARKS = ['config.json', 'plan.json', 'ring_attention.py']

/** Whether a folder with these entries was written by `ringscope cluster`. Of its JSON files only those in `trace` are traces. */
export const isClusterFolder = (entries: Iterable<string>): boolean => {
  const names = new Set(entries)
  return MARKS.every((mark) => names.has(mark))
}

/** Folder of the ranks' traces in a cluster folder, and the name of a simulation beside them. */
export const CLUSTER_TRACES = 'trace'
export const CLUSTER_SIMULATION = 'simulated.json.gz'
