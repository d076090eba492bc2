/** Page size and shift of x86, x64 and ARM64 Windows (rules, section 0.3). */
export const PAGE_SIZE = 4096
export const PAGE_SHIFT = 12

export const isPageAligned = (value: number): boolean => value % PAGE_SIZE === 0
export const roundUpToPages = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE
export const pagesIn = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE)
