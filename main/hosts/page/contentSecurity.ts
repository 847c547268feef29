const policy = (connect: string): string => [
  "default-src 'none'",
  "script-src 'self'",
  // Charts and positioned elements carry style attributes.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  `connect-src ${connect}`,
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * Headers of every answer that a page can see, from whichever host: nothing from elsewhere, nothing inline but styles.
 * @param socketOrigin `ws://host:port` where the page speaks over a socket: not every browser counts it as 'self'.
 */
export function pageHeaders(socketOrigin?: string): Readonly<Record<string, string>> {
  return {
    'Content-Security-Policy': policy(socketOrigin === undefined ? "'self'" : `'self' ${socketOrigin}`),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-cache',
  }
}
