// enterDfuMode: the cloud's package, command 02, the transfer, the version read back, the cloud told.
'use strict'

const { image, writeLockData } = require('./lock.js')
const { Cloud } = require('./cloud.js')
const { Failed, result, codeOf } = require('./result.js')
const { readKey } = require('./session.js')

const ENTER_DFU = 0x02
const FEATURES = 0x01
const DEVICE_INFO = 0x90
const OTA = '73632b12-6965-6e65-7269-736669727374'
const NEEDED = [6n, 38n] // firmware upgrade, Telink
const ROW = 16
const VERDICT_MS = 35000
const RESTART_MS = 1000
const ATTEMPTS = 3

function crc16 (data) {
  let crc = 0xffff
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1
  }
  return crc
}

function summed (data) {
  const crc = crc16(data)
  return Buffer.from([...data, crc & 0xff, crc >> 8])
}

function packets (firmware) {
  const count = Math.ceil(firmware.length / ROW)
  return Array.from({ length: count }, (_, index) => {
    const row = Buffer.alloc(ROW + 2, 0xff)
    row.writeUInt16LE(index)
    firmware.copy(row, 2, index * ROW, (index + 1) * ROW)
    return summed(row)
  })
}

function check (info) {
  if (!info || typeof info !== 'object') throw new Failed(11003, 'dfuPackageInfo must be an object')
  for (const name of ['clientId', 'accessToken']) {
    if (typeof info[name] !== 'string' || !info[name]) throw new Failed(11003, `${name} must be a text`)
  }
  if (!Number.isInteger(info.lockId)) throw new Failed(11003, 'lockId must be a number')
}

// 41, 30, 02; nothing when the lock is in DFU mode already.
async function enter (session, known) {
  await session.find()
  if (session.seen[0] === 0xff && session.seen[1] === 0xff) return
  await session.login()
  for (const [type, wanted] of [[1, known.modelNum], [2, known.hardwareRevision]]) {
    const own = await text(session, type)
    if (wanted && own !== wanted) throw new Failed(11017, `the package is for ${wanted}, the lock is ${own}`)
  }
  await session.ask(ENTER_DFU, Buffer.from('SCIENER'))
  session.quiet = true
  await session.disconnect()
  session.quiet = false
}

async function text (session, type) {
  return (await session.ask(DEVICE_INFO, [type])).subarray(0, -1).toString()
}

async function transfer (session, firmware, step) {
  await session.connect()
  await session.notify(OTA)
  session.values = []
  const rows = packets(firmware)
  const last = rows.length - 1
  step(2, 0)
  try {
    await session.write(OTA, [0, 0xff])
    await session.write(OTA, [1, 0xff])
    for (const [index, row] of rows.entries()) {
      await session.write(OTA, row)
      if (session.values.length) break
      if (index % 16 === 0) step(2, Math.floor(index * 100 / rows.length))
    }
    await session.write(OTA, summed([2, 0xff, last & 0xff, last >> 8, ~last & 0xff, ~last >> 8 & 0xff]))
    const verdict = await session.until(() => session.values[0], VERDICT_MS, 11016)
    if (verdict.toString('hex').slice(0, 6) !== '03ff00') throw new Failed(11016, `the lock says ${verdict.toString('hex')}`)
  } catch (error) {
    throw new Failed(11016, `${codeOf(error)}: ${error.message}`)
  }
  step(2, 100)
  step(3, 100)
  session.quiet = true // the lock restarts
  await session.until(() => !session.linked, 6000, 0, false).catch(() => session.disconnect())
}

// lockData for the cloud: what the lock says of itself, and no credentials.
async function readBack (session) {
  const { known } = session
  for (let attempt = 1; ; attempt++) {
    await new Promise(resolve => setTimeout(resolve, RESTART_MS))
    try {
      session.quiet = false
      await session.login()
      const features = await session.ask(FEATURES)
      const texts = []
      for (const type of [1, 2, 3, 4]) texts.push(await text(session, type))
      session.battery = features[0]
      await session.disconnect()
      const words = features.subarray(1)
      const groups = Array.from({ length: words.length / 4 }, (_, at) => words.subarray(at * 4, at * 4 + 4).toString('hex'))
      return {
        lockName: known.lockName,
        lockMac: known.lockMac,
        lockVersion: known.lockVersion,
        specialValue: words.readUInt32BE(0),
        featureValue: groups.reverse().join('').replace(/^0+/, '').toUpperCase(),
        electricQuantity: features[0],
        timezoneRawOffset: known.timezoneRawOffset,
        modelNum: texts[0],
        hardwareRevision: texts[1],
        firmwareRevision: texts[2],
        version: '1.0',
        factoryDate: texts[3]
      }
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      session.quiet = true
      await session.disconnect()
    }
  }
}

async function finish (session, cloud, lockId, oldVersion) {
  let lockData = null
  try {
    const own = await readBack(session)
    if (own.firmwareRevision !== oldVersion) {
      lockData = writeLockData(own)
      await cloud.call('upgradeSuccess', { lockId, lockData })
    }
  } catch (error) {
    return { code: 11018, description: error.message, type: 5, progress: 100, ...(lockData && { lockData }) }
  }
  if (!lockData) throw new Failed(11016, `the lock still runs ${oldVersion}`)
  return { type: 4, progress: 100, lockData }
}

function enterDfuMode (start, option, told, now) {
  check(option.dfuPackageInfo)
  const known = readKey(option, NEEDED)
  const { clientId, accessToken, lockId } = option.dfuPackageInfo
  let last = ''
  const step = (type, progress) => {
    if (last === `${type} ${progress}`) return // nothing new
    last = `${type} ${progress}`
    if (option.callback) told('callback', result(start, 0, '', { type, progress }))
  }
  const work = async session => {
    step(1, 0)
    const cloud = new Cloud(start.cloud, { clientId, accessToken }, now)
    const detail = await cloud.call('detail', { lockId })
    if (detail.lockMac !== known.lockMac) throw new Failed(10602, 'lockId is of another lock')
    const firmware = image(...await cloud.firmware(lockId))
    await enter(session, detail)
    await transfer(session, firmware, step)
    return finish(session, cloud, lockId, detail.firmwareRevision)
  }
  return { known, work }
}

module.exports = { enterDfuMode }
