/** Names that differ only in `.` and `_` are one: metrics cannot tell them apart. SQLite has an index of the same. */
export const collisionKey = (name: string): string => name.replaceAll('.', '_')
