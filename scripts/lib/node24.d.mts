/** See node24.mjs. */
export function findNode24(): string | null
export function node24(): string
export function runOnNode24(args: readonly string[], options?: { env?: Record<string, string | undefined> }): Promise<number>
