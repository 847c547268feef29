/** Heights of labels that would touch, moved apart; the order stays. */
export function spread(heights: readonly number[], least: number): number[] {
  const order = heights.map((_, index) => index).sort((a, b) => heights[a] - heights[b])
  const placed = [...heights]
  for (let at = 1; at < order.length; at++) placed[order[at]] = Math.max(placed[order[at]], placed[order[at - 1]] + least)
  return placed
}
