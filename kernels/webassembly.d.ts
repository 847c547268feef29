/**
 * The part of the WebAssembly API that the kernels use. TypeScript declares it in its DOM library only, which code for
 * Node does not load. Standard: WebAssembly JavaScript Interface.
 */
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean })
    readonly buffer: ArrayBufferLike
    grow(pages: number): number
  }
  class Module {
    constructor(bytes: BufferSource)
  }
  type BufferSource = ArrayBuffer | ArrayBufferView<ArrayBuffer>
  type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>
  class Instance {
    constructor(module: Module, imports?: Imports)
    readonly exports: Readonly<Record<string, unknown>>
  }
  function validate(bytes: BufferSource): boolean
}
