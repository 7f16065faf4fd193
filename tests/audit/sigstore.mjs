// tests/audit/sigstore.mjs - has sigstore's verifier (npm @sigstore/verify), which nobody here
// wrote, check a log by its own public call, Verifier.verify: the signature of the checkpoint, and
// that entries are in the tree of which it speaks.
//
//	node sigstore.mjs MODULES -vkey FILE DIR              each entry of an export
//	node sigstore.mjs MODULES -vkey FILE -proof FILE -record FILE
//	node sigstore.mjs MODULES -vkey FILE -touch DIR       are touched ones refused?
//
// Exit 0 and "OK ...", or 1 and what is wrong. MODULES: the folder into which npm put the packages.
//
// The verifier is made for the log of signed programs. Two things of that world are lent to it:
// - an entry there is JSON that names a signature. Ours is bytes, and these bytes are hashed and
//   looked up in the tree; only where the verifier asks for their text does it get such a JSON;
// - a program there is signed. A key of this run signs the entry, whatever it is: that proves
//   nothing of the log, and refuses nothing.
import crypto from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const modules = process.argv[2]
const load = createRequire(path.resolve(modules, 'package.json'))
const { toMessageSignatureBundle } = load('@sigstore/bundle')
const { PublicKeyDetails, HashAlgorithm } = load('@sigstore/protobuf-specs')
const { Verifier, VerificationError, toSignedEntity, toTrustMaterial } = load('@sigstore/verify')

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex') // RFC 8410, before the key
const KEY_OF_A_LOG = 1 // C2SP signed note: Ed25519
const TILE_WIDTH = 256
const signer = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })

function need(condition, why) {
  if (!condition) throw new Error(why)
}

// ---- what the verifier is told ----

// "NAME+HASH+KEY", as C2SP writes the key of a log; the key is base64, which has a "+" too.
function readKey(file) {
  const [name, hint, ...key] = readFileSync(file, 'utf8').trim().split('+')
  const raw = Buffer.from(key.join('+'), 'base64')
  need(raw.length === 33 && raw[0] === KEY_OF_A_LOG, 'vkey: not the key of a log')
  const spki = Buffer.concat([ED25519_SPKI, raw.subarray(1)])
  return { name, hint: Buffer.from(hint, 'hex'), spki }
}

function verifierOf(vkey) {
  const log = {
    baseUrl: vkey.name, hashAlgorithm: HashAlgorithm.SHA2_256, logId: { keyId: vkey.hint },
    checkpointKeyId: { keyId: vkey.hint },
    publicKey: { rawBytes: vkey.spki, keyDetails: PublicKeyDetails.PKIX_ED25519 },
  }
  const keys = { once: { rawBytes: signer.publicKey.export({ type: 'spki', format: 'der' }) } }
  const trust = toTrustMaterial(
    { certificateAuthorities: [], timestampAuthorities: [], ctlogs: [], tlogs: [log] }, keys)
  return new Verifier(trust, { tlogThreshold: 1, ctlogThreshold: 0, timestampThreshold: 0 })
}

// The bytes of an entry; asked for text, the JSON that the verifier reads.
function bodyOf(leaf, digest, signature) {
  const body = Buffer.from(leaf)
  const text = JSON.stringify({
    kind: 'hashedrekord', apiVersion: '0.0.1',
    spec: {
      data: { hash: { algorithm: 'sha256', value: digest.toString('hex') } },
      signature: { content: signature.toString('base64') },
    },
  })
  body.toString = () => text
  return body
}

// One entry with its proof: does the verifier take it?
function verify(vkey, { checkpoint, leaf, index, hashes }) {
  const digest = crypto.createHash('sha256').update(leaf).digest()
  const signature = crypto.sign('sha256', leaf, signer.privateKey)
  const bundle = toMessageSignatureBundle({ digest, signature, keyHint: 'once' })
  bundle.verificationMaterial.tlogEntries = [{
    logIndex: String(index), logId: { keyId: vkey.hint }, integratedTime: '0',
    kindVersion: { kind: 'hashedrekord', version: '0.0.1' }, inclusionPromise: undefined,
    inclusionProof: {
      logIndex: String(index), hashes, checkpoint: { envelope: checkpoint.toString('utf8') },
    },
    canonicalizedBody: bodyOf(leaf, digest, signature),
  }]
  verifierOf(vkey).verify(toSignedEntity(bundle, leaf))
}

// ---- an export ----

function tileName(index, width) {
  const part = (n) => String(n).padStart(3, '0')
  let name = part(index % 1000)
  for (let n = Math.floor(index / 1000); n > 0; n = Math.floor(n / 1000))
    name = `x${part(n % 1000)}/${name}`
  return width === TILE_WIDTH ? name : `${name}.p/${width}`
}

// The tiles of one level that a tree of `size` has, one behind the other.
function tiles(dir, level, size) {
  const all = []
  for (let at = 0; at * TILE_WIDTH < size; at++) {
    const width = Math.min(TILE_WIDTH, size - at * TILE_WIDTH)
    all.push(readFileSync(path.join(dir, 'tile', String(level), tileName(at, width))))
  }
  return Buffer.concat(all)
}

// Entries lie behind their lengths, in two bytes each.
function leavesOf(bytes) {
  const leaves = []
  for (let at = 0; at < bytes.length;) {
    const len = bytes.readUInt16BE(at)
    need(at + 2 + len <= bytes.length, 'entries: cut off')
    leaves.push(bytes.subarray(at + 2, at + 2 + len))
    at += 2 + len
  }
  return leaves
}

function parent(left, right) {
  return crypto.createHash('sha256').update(Buffer.of(1)).update(left).update(right).digest()
}

// Each level of the tree; a node without a neighbour goes up as it is (RFC 6962).
function levelsOf(hashes) {
  const levels = [hashes]
  for (let below = hashes; below.length > 1; below = levels.at(-1)) {
    const level = []
    for (let i = 0; i < below.length; i += 2)
      level.push(i + 1 < below.length ? parent(below[i], below[i + 1]) : below[i])
    levels.push(level)
  }
  return levels
}

function proofOf(levels, index) {
  const hashes = []
  for (let level = 0, at = index; level + 1 < levels.length; level++, at >>= 1)
    if ((at ^ 1) < levels[level].length) hashes.push(levels[level][at ^ 1])
  return hashes
}

// All entries of a folder with their proofs: from what its tiles say, which is what is checked.
function readExport(dir) {
  const checkpoint = readFileSync(path.join(dir, 'checkpoint'))
  const size = Number(checkpoint.toString('utf8').split('\n')[1])
  need(Number.isSafeInteger(size) && size > 0, 'checkpoint: no size')
  const leaves = leavesOf(tiles(dir, 'entries', size))
  const bytes = tiles(dir, 0, size)
  need(leaves.length === size && bytes.length === 32 * size, 'tiles: not of this size')
  const hashes = leaves.map((_, i) => bytes.subarray(32 * i, 32 * i + 32))
  const levels = levelsOf(hashes)
  return leaves.map((leaf, index) => ({ checkpoint, leaf, index, hashes: proofOf(levels, index) }))
}

// ---- a receipt: C2SP tlog-proof ----

function readProof(file, record) {
  const text = readFileSync(file, 'utf8')
  const end = text.indexOf('\n\n')
  const [head, index, ...lines] = text.slice(0, end).split('\n')
  need(end > 0 && head === 'c2sp.org/tlog-proof@v1' && /^index \d+$/.test(index), 'no proof')
  const hashes = lines.map((line) => Buffer.from(line, 'base64'))
  need(hashes.every((hash, i) => hash.toString('base64') === lines[i]), 'a hash is not base64')
  return {
    checkpoint: Buffer.from(text.slice(end + 2)), leaf: readFileSync(record),
    index: Number(index.slice(6)), hashes,
  }
}

// ---- what was touched ----

function* flips(bytes) {
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const bad = Buffer.from(bytes)
    bad[bit >> 3] ^= 1 << (bit & 7)
    yield bad
  }
}

// The signed text, and the bytes behind the log's name: of the signature's spelling (a name that is
// looked up as a pattern, the last bits of base64) this verifier is less strict than sotay-verify.
function* touchedNotes(note) {
  const end = note.indexOf('\n\n') + 1
  const [text, line] = [note.subarray(0, end), note.subarray(end + 1).toString('utf8')]
  for (const bad of flips(text)) yield Buffer.concat([bad, note.subarray(end)])
  const [dash, name, signature] = line.trim().split(' ')
  for (const bad of flips(Buffer.from(signature, 'base64')))
    yield Buffer.concat([text, Buffer.from(`\n${dash} ${name} ${bad.toString('base64')}\n`)])
}

function* touched(good, other) {
  for (const checkpoint of touchedNotes(good.checkpoint)) yield { ...good, checkpoint }
  for (const leaf of flips(good.leaf)) yield { ...good, leaf }
  for (let i = 0; i < good.hashes.length; i++) {
    for (const bad of flips(good.hashes[i])) yield { ...good, hashes: good.hashes.with(i, bad) }
    yield { ...good, hashes: good.hashes.toSpliced(i, 1) }
  }
  yield { ...good, hashes: [...good.hashes, good.hashes[0]] }
  for (const index of [good.index ^ 1, good.index + 2 ** 20, -1]) yield { ...good, index }
  yield { ...good, leaf: other.leaf }
  yield { ...good, hashes: other.hashes, index: other.index }
}

// Refused by the verifier itself, for what stands in the log: not by what was lent to it.
function isRefused(vkey, one) {
  try {
    verify(vkey, one)
  } catch (error) {
    return error instanceof VerificationError ? error.code === 'TLOG_INCLUSION_PROOF_ERROR'
      : error instanceof SyntaxError && /BigInt/.test(error.message) // the size is no number
  }
  return false
}

function countRefused(vkey, all) {
  let count = 0
  for (const index of new Set([0, all.length - 1])) {
    const good = all[index]
    verify(vkey, good)
    for (const bad of touched(good, all[index === 0 ? 1 : 0])) {
      need(isRefused(vkey, bad), `entry ${index} was touched and taken: ${JSON.stringify(bad)}`)
      count++
    }
  }
  return count
}

// ---- the call ----

function main(words) {
  const options = {}
  while (words.length > 1) options[words.shift().slice(1)] = words.shift()
  const vkey = readKey(options.vkey)
  if (options.touch) return `OK ${countRefused(vkey, readExport(options.touch))} refused`
  if (options.proof) {
    const one = readProof(options.proof, options.record)
    verify(vkey, one)
    return `OK entry ${one.index + 1}` // counted from 1, as sotay does
  }
  const all = readExport(words[0])
  for (const one of all) verify(vkey, one)
  const root = all[0].checkpoint.toString('utf8').split('\n')[2]
  return `OK ${all.length} entries root ${root}`
}

try {
  console.log(main(process.argv.slice(3)))
} catch (error) {
  console.error(`sigstore: ${error.code ?? error.name}: ${error.message}`)
  process.exitCode = 1
}
