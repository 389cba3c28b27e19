// What travels: the frame of a third-generation lock, its CRC-8 and AES, and the lockData blob.
'use strict'

const crypto = require('node:crypto')
const { Failed } = require('./result.js')

// CRC-8 of Dallas, reflected, with the vendor's slip in entry 33
const TABLE = Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ 0x8c : value >> 1
  return value
})
TABLE[33] = 0x07

const crc = data => data.reduce((sum, byte) => TABLE[sum ^ byte], 0)

function aes (kind, key, data) {
  const cipher = crypto[kind]('aes-128-cbc', key, key)
  return Buffer.concat([cipher.update(data), cipher.final()])
}

function frame (version, opcode, plain, key) {
  const data = plain.length ? aes('createCipheriv', key, plain) : plain
  const head = Buffer.from([0x7f, 0x5a, 5, 3, version.scene, 0, 0, 0, 0, opcode, 0xaa, data.length])
  head.writeUInt16BE(version.groupId, 5)
  head.writeUInt16BE(version.orgId, 7)
  const body = Buffer.concat([head, data])
  return Buffer.concat([body, Buffer.from([crc(body), 0x0d, 0x0a])])
}

// The first whole reply in what was notified so far: its plaintext. Nothing while there is none.
function reply (stream, key) {
  const start = stream.indexOf(Buffer.from([0x7f, 0x5a]))
  if (start < 0 || stream.length < start + 12) return null
  const end = start + 12 + stream[start + 11]
  if (stream.length < end + 3) return null
  if (crc(stream.subarray(start, end)) !== stream[end]) throw new Error('the sum of the reply is wrong')
  return aes('createDecipheriv', key, stream.subarray(start + 12, end))
}

// A hidden text: XOR with an entry of the table and a seed that stands behind it.
function reveal (text) {
  const bytes = Buffer.from(text, 'base64').toString().split(',').map(number => Number(number) & 0xff)
  const mask = TABLE[bytes.length - 1] ^ bytes[bytes.length - 1]
  return String.fromCharCode(...bytes.slice(0, -1).map(byte => byte ^ mask))
}

const blobKey = mac => Buffer.from(mac.slice(0, 9) + mac.slice(10))

function readLockData (text) {
  const blob = Buffer.from(text, 'base64')
  const mac = [...blob.subarray(-6)].map(byte => byte.toString(16).padStart(2, '0').toUpperCase()).join(':')
  const known = JSON.parse(aes('createDecipheriv', blobKey(mac), blob.subarray(0, -6)).toString())
  return {
    ...known,
    adminPs: Number(reveal(known.adminPwd)),
    unlockKey: Number(reveal(known.lockKey)),
    key: Buffer.from(known.aesKeyStr.split(',').map(pair => parseInt(pair, 16)))
  }
}

function writeLockData (known) {
  const data = aes('createCipheriv', blobKey(known.lockMac), Buffer.from(JSON.stringify(known)))
  return Buffer.concat([data, Buffer.from(known.lockMac.replaceAll(':', ''), 'hex')]).toString('base64')
}

// The firmware in a package of the cloud, up to its declared size.
function image (file, secret) {
  let firmware
  try {
    firmware = aes('createDecipheriv', Buffer.from(reveal(secret)), file)
  } catch (error) {
    throw new Failed(11017, `the package does not decrypt: ${error.message}`)
  }
  const marked = [8, 32].some(at => firmware.subarray(at, at + 4).toString() === 'KNLT')
  if (!marked || firmware.readUInt32LE(24) > firmware.length) throw new Failed(11017, 'the package is no Telink image')
  return firmware.subarray(0, firmware.readUInt32LE(24))
}

module.exports = { frame, reply, readLockData, writeLockData, image }
