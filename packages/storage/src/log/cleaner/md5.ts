/**
 * MD5 (RFC 1321) of short spans of a larger buffer, into four words that the caller reads: a call into `node:crypto` costs a microsecond and an object
 * for every key, several times the digest itself. It stands for a key in the cleaner's map, as it does in Kafka's, and for nothing that has to be secret.
 *
 * The steps are written out: as a loop over tables they take twice as long.
 */
const BLOCK_BYTES = 64
const LENGTH_WORDS = 2
const words = new Int32Array(BLOCK_BYTES / 4)
const state = new Int32Array(4)

/** The digest, as four little-endian words. The next call overwrites it. */
export const digest = new Int32Array(4)

/** Digests `bytes[start, start + length)` into `digest`. */
export function md5Into(bytes: Uint8Array, start: number, length: number): void {
  digest[0] = 0x67452301
  digest[1] = 0xefcdab89 | 0
  digest[2] = 0x98badcfe | 0
  digest[3] = 0x10325476
  const whole = length - (length % BLOCK_BYTES)
  for (let at = 0; at < whole; at += BLOCK_BYTES) addBlock(bytes, start + at)
  let used = takeRest(bytes, start + whole, length - whole)
  if (used > words.length - LENGTH_WORDS) {
    words.fill(0, used)
    addWords()
    used = 0
  }
  words.fill(0, used, words.length - LENGTH_WORDS)
  words[14] = length << 3
  words[15] = length >>> 29
  addWords()
}

/** The bytes behind the last whole block, and the bit that ends them. Answers how many words that makes. */
function takeRest(bytes: Uint8Array, start: number, length: number): number {
  const wholeWords = length >> 2
  takeWords(bytes, start, wholeWords)
  let last = 0x80 << (8 * (length & 3))
  for (let i = wholeWords << 2; i < length; i++) last |= bytes[start + i]! << (8 * (i & 3))
  words[wholeWords] = last
  return wholeWords + 1
}

function takeWords(bytes: Uint8Array, start: number, count: number): void {
  for (let i = 0, at = start; i < count; i++, at += 4)
    words[i] = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function addBlock(bytes: Uint8Array, start: number): void {
  takeWords(bytes, start, words.length)
  addWords()
}

function addWords(): void {
  for (let i = 0; i < 4; i++) state[i] = digest[i]!
  round1()
  round2()
  round3()
  round4()
  for (let i = 0; i < 4; i++) digest[i] = (digest[i]! + state[i]!) | 0
}

function round1(): void {
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  a = (a + ((b & c) | (~b & d)) + words[0]! - 680876936) | 0
  a = (((a << 7) | (a >>> 25)) + b) | 0
  d = (d + ((a & b) | (~a & c)) + words[1]! - 389564586) | 0
  d = (((d << 12) | (d >>> 20)) + a) | 0
  c = (c + ((d & a) | (~d & b)) + words[2]! + 606105819) | 0
  c = (((c << 17) | (c >>> 15)) + d) | 0
  b = (b + ((c & d) | (~c & a)) + words[3]! - 1044525330) | 0
  b = (((b << 22) | (b >>> 10)) + c) | 0
  a = (a + ((b & c) | (~b & d)) + words[4]! - 176418897) | 0
  a = (((a << 7) | (a >>> 25)) + b) | 0
  d = (d + ((a & b) | (~a & c)) + words[5]! + 1200080426) | 0
  d = (((d << 12) | (d >>> 20)) + a) | 0
  c = (c + ((d & a) | (~d & b)) + words[6]! - 1473231341) | 0
  c = (((c << 17) | (c >>> 15)) + d) | 0
  b = (b + ((c & d) | (~c & a)) + words[7]! - 45705983) | 0
  b = (((b << 22) | (b >>> 10)) + c) | 0
  a = (a + ((b & c) | (~b & d)) + words[8]! + 1770035416) | 0
  a = (((a << 7) | (a >>> 25)) + b) | 0
  d = (d + ((a & b) | (~a & c)) + words[9]! - 1958414417) | 0
  d = (((d << 12) | (d >>> 20)) + a) | 0
  c = (c + ((d & a) | (~d & b)) + words[10]! - 42063) | 0
  c = (((c << 17) | (c >>> 15)) + d) | 0
  b = (b + ((c & d) | (~c & a)) + words[11]! - 1990404162) | 0
  b = (((b << 22) | (b >>> 10)) + c) | 0
  a = (a + ((b & c) | (~b & d)) + words[12]! + 1804603682) | 0
  a = (((a << 7) | (a >>> 25)) + b) | 0
  d = (d + ((a & b) | (~a & c)) + words[13]! - 40341101) | 0
  d = (((d << 12) | (d >>> 20)) + a) | 0
  c = (c + ((d & a) | (~d & b)) + words[14]! - 1502002290) | 0
  c = (((c << 17) | (c >>> 15)) + d) | 0
  b = (b + ((c & d) | (~c & a)) + words[15]! + 1236535329) | 0
  b = (((b << 22) | (b >>> 10)) + c) | 0
  state[0] = a
  state[1] = b
  state[2] = c
  state[3] = d
}

function round2(): void {
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  a = (a + ((d & b) | (~d & c)) + words[1]! - 165796510) | 0
  a = (((a << 5) | (a >>> 27)) + b) | 0
  d = (d + ((c & a) | (~c & b)) + words[6]! - 1069501632) | 0
  d = (((d << 9) | (d >>> 23)) + a) | 0
  c = (c + ((b & d) | (~b & a)) + words[11]! + 643717713) | 0
  c = (((c << 14) | (c >>> 18)) + d) | 0
  b = (b + ((a & c) | (~a & d)) + words[0]! - 373897302) | 0
  b = (((b << 20) | (b >>> 12)) + c) | 0
  a = (a + ((d & b) | (~d & c)) + words[5]! - 701558691) | 0
  a = (((a << 5) | (a >>> 27)) + b) | 0
  d = (d + ((c & a) | (~c & b)) + words[10]! + 38016083) | 0
  d = (((d << 9) | (d >>> 23)) + a) | 0
  c = (c + ((b & d) | (~b & a)) + words[15]! - 660478335) | 0
  c = (((c << 14) | (c >>> 18)) + d) | 0
  b = (b + ((a & c) | (~a & d)) + words[4]! - 405537848) | 0
  b = (((b << 20) | (b >>> 12)) + c) | 0
  a = (a + ((d & b) | (~d & c)) + words[9]! + 568446438) | 0
  a = (((a << 5) | (a >>> 27)) + b) | 0
  d = (d + ((c & a) | (~c & b)) + words[14]! - 1019803690) | 0
  d = (((d << 9) | (d >>> 23)) + a) | 0
  c = (c + ((b & d) | (~b & a)) + words[3]! - 187363961) | 0
  c = (((c << 14) | (c >>> 18)) + d) | 0
  b = (b + ((a & c) | (~a & d)) + words[8]! + 1163531501) | 0
  b = (((b << 20) | (b >>> 12)) + c) | 0
  a = (a + ((d & b) | (~d & c)) + words[13]! - 1444681467) | 0
  a = (((a << 5) | (a >>> 27)) + b) | 0
  d = (d + ((c & a) | (~c & b)) + words[2]! - 51403784) | 0
  d = (((d << 9) | (d >>> 23)) + a) | 0
  c = (c + ((b & d) | (~b & a)) + words[7]! + 1735328473) | 0
  c = (((c << 14) | (c >>> 18)) + d) | 0
  b = (b + ((a & c) | (~a & d)) + words[12]! - 1926607734) | 0
  b = (((b << 20) | (b >>> 12)) + c) | 0
  state[0] = a
  state[1] = b
  state[2] = c
  state[3] = d
}

function round3(): void {
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  a = (a + (b ^ c ^ d) + words[5]! - 378558) | 0
  a = (((a << 4) | (a >>> 28)) + b) | 0
  d = (d + (a ^ b ^ c) + words[8]! - 2022574463) | 0
  d = (((d << 11) | (d >>> 21)) + a) | 0
  c = (c + (d ^ a ^ b) + words[11]! + 1839030562) | 0
  c = (((c << 16) | (c >>> 16)) + d) | 0
  b = (b + (c ^ d ^ a) + words[14]! - 35309556) | 0
  b = (((b << 23) | (b >>> 9)) + c) | 0
  a = (a + (b ^ c ^ d) + words[1]! - 1530992060) | 0
  a = (((a << 4) | (a >>> 28)) + b) | 0
  d = (d + (a ^ b ^ c) + words[4]! + 1272893353) | 0
  d = (((d << 11) | (d >>> 21)) + a) | 0
  c = (c + (d ^ a ^ b) + words[7]! - 155497632) | 0
  c = (((c << 16) | (c >>> 16)) + d) | 0
  b = (b + (c ^ d ^ a) + words[10]! - 1094730640) | 0
  b = (((b << 23) | (b >>> 9)) + c) | 0
  a = (a + (b ^ c ^ d) + words[13]! + 681279174) | 0
  a = (((a << 4) | (a >>> 28)) + b) | 0
  d = (d + (a ^ b ^ c) + words[0]! - 358537222) | 0
  d = (((d << 11) | (d >>> 21)) + a) | 0
  c = (c + (d ^ a ^ b) + words[3]! - 722521979) | 0
  c = (((c << 16) | (c >>> 16)) + d) | 0
  b = (b + (c ^ d ^ a) + words[6]! + 76029189) | 0
  b = (((b << 23) | (b >>> 9)) + c) | 0
  a = (a + (b ^ c ^ d) + words[9]! - 640364487) | 0
  a = (((a << 4) | (a >>> 28)) + b) | 0
  d = (d + (a ^ b ^ c) + words[12]! - 421815835) | 0
  d = (((d << 11) | (d >>> 21)) + a) | 0
  c = (c + (d ^ a ^ b) + words[15]! + 530742520) | 0
  c = (((c << 16) | (c >>> 16)) + d) | 0
  b = (b + (c ^ d ^ a) + words[2]! - 995338651) | 0
  b = (((b << 23) | (b >>> 9)) + c) | 0
  state[0] = a
  state[1] = b
  state[2] = c
  state[3] = d
}

function round4(): void {
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  a = (a + (c ^ (b | ~d)) + words[0]! - 198630844) | 0
  a = (((a << 6) | (a >>> 26)) + b) | 0
  d = (d + (b ^ (a | ~c)) + words[7]! + 1126891415) | 0
  d = (((d << 10) | (d >>> 22)) + a) | 0
  c = (c + (a ^ (d | ~b)) + words[14]! - 1416354905) | 0
  c = (((c << 15) | (c >>> 17)) + d) | 0
  b = (b + (d ^ (c | ~a)) + words[5]! - 57434055) | 0
  b = (((b << 21) | (b >>> 11)) + c) | 0
  a = (a + (c ^ (b | ~d)) + words[12]! + 1700485571) | 0
  a = (((a << 6) | (a >>> 26)) + b) | 0
  d = (d + (b ^ (a | ~c)) + words[3]! - 1894986606) | 0
  d = (((d << 10) | (d >>> 22)) + a) | 0
  c = (c + (a ^ (d | ~b)) + words[10]! - 1051523) | 0
  c = (((c << 15) | (c >>> 17)) + d) | 0
  b = (b + (d ^ (c | ~a)) + words[1]! - 2054922799) | 0
  b = (((b << 21) | (b >>> 11)) + c) | 0
  a = (a + (c ^ (b | ~d)) + words[8]! + 1873313359) | 0
  a = (((a << 6) | (a >>> 26)) + b) | 0
  d = (d + (b ^ (a | ~c)) + words[15]! - 30611744) | 0
  d = (((d << 10) | (d >>> 22)) + a) | 0
  c = (c + (a ^ (d | ~b)) + words[6]! - 1560198380) | 0
  c = (((c << 15) | (c >>> 17)) + d) | 0
  b = (b + (d ^ (c | ~a)) + words[13]! + 1309151649) | 0
  b = (((b << 21) | (b >>> 11)) + c) | 0
  a = (a + (c ^ (b | ~d)) + words[4]! - 145523070) | 0
  a = (((a << 6) | (a >>> 26)) + b) | 0
  d = (d + (b ^ (a | ~c)) + words[11]! - 1120210379) | 0
  d = (((d << 10) | (d >>> 22)) + a) | 0
  c = (c + (a ^ (d | ~b)) + words[2]! + 718787259) | 0
  c = (((c << 15) | (c >>> 17)) + d) | 0
  b = (b + (d ^ (c | ~a)) + words[9]! - 343485551) | 0
  b = (((b << 21) | (b >>> 11)) + c) | 0
  state[0] = a
  state[1] = b
  state[2] = c
  state[3] = d
}
