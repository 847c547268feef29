/** See electron.mjs. */
export function findElectron(): string | null
export function hasDisplay(): boolean
export function knownFetchFailure(): string | null
export function fetchElectron(): Promise<{ ok: true, path: string } | { ok: false, reason: string }>
