/** The compiler refused the sources. The message is the compiler's own. */
export declare class KernelCompileError extends Error {}

/** Brings all builds up to date; resolves to the folder that holds them. */
export declare function buildKernels(options?: { say?: (line: string) => void }): Promise<string>
