/** Three significant digits: 48.1, 0.0123, 1230. */
export const significantText = (value: number): string => Number(value.toPrecision(3)).toString()

/** A share without its sign: "12.3 %". */
export const percentText = (share: number): string => `${significantText(Math.abs(share) * 100)} %`
