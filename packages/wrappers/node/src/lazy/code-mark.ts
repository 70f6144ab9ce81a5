/** Beginning of the comment with the lazy code, in pieces: the text itself must not be in the code before. */
export const LAZY_CODE_MARK = ["/*", "LAZY", "CODE", ""].join(" ");
/** Replacement for the end of a comment in the lazy code. */
export const COMMENT_END = "*\\u{2f}";
