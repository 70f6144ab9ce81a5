/** Encodings of lines, with the largest number of bytes of an element of a string. Latin-1 is for text that is ASCII, and takes less time. */
export const BYTES_PER_ELEMENT = { latin1: 1, utf8: 3 };

export type LineEncoding = keyof typeof BYTES_PER_ELEMENT;
