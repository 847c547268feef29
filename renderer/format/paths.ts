/** The last part of a path of the host, whichever way its system writes paths. */
export const fileName = (path: string): string => path.split(/[\\/]/).at(-1) ?? path

/** The folder that a path of the host lies in. */
export const parentFolder = (path: string): string => path.replace(/[\\/][^\\/]+[\\/]?$/, '')
