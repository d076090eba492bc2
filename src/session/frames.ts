/** Frames of a session: 16 MiB. No more than that can be mapped to its device at once. */
export const FRAMES = 4096
