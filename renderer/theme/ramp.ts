type Rgb = readonly [number, number, number]

function parseHex(colour: string): Rgb {
  const digits = /^#([\da-f]{6})$/i.exec(colour.trim())?.[1]
  if (digits === undefined) return [128, 128, 128]
  const value = Number.parseInt(digits, 16)
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255]
}

const linear = (channel: number): number => {
  const part = channel / 255
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
}

/** Relative luminance, WCAG 2.2. */
function luminance([red, green, blue]: Rgb): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

/** The colour a share of the way from low to high, mixed in sRGB. @param share 0..1, clamped */
export function rampColour(low: string, high: string, share: number): string {
  const t = Math.max(0, Math.min(1, share))
  const from = parseHex(low)
  const to = parseHex(high)
  const channels = from.map((channel, index) => Math.round(channel + (to[index] - channel) * t))
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`
}

/** Black or white, whichever contrasts more with the fill. */
export function textOn(fill: string): string {
  const level = luminance(parseHex(fill))
  return (level + 0.05) / 0.05 > 1.05 / (level + 0.05) ? '#111418' : '#ffffff'
}
