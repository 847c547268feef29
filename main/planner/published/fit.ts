/**
 * The parameter in [low, high] for which an increasing function reaches a target, by bisection to a millionth of the interval.
 * @throws RangeError where the target is not within the function's values at the ends: the model cannot be fitted to it.
 */
export function fitIncreasing(figure: (parameter: number) => number, target: number, low: number, high: number): number {
  const [least, most] = [figure(low), figure(high)]
  if (!(least <= target && target <= most)) throw new RangeError(`no parameter from ${low} to ${high} gives ${target}: values are ${least} to ${most}`)
  let [below, above] = [low, high]
  while (above - below > (high - low) * 1e-6) {
    const middle = (below + above) / 2
    if (figure(middle) <= target) below = middle
    else above = middle
  }
  return (below + above) / 2
}
