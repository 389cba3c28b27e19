// createCustomPasscode, as version 3.1.0 of the plug-in documents it.
'use strict'

const { Door, DoorError } = require('./door.js')
const { frame, reply, readLockData } = require('./lock.js')

const WRITE = 'fff2'
const NOTIFY = 'fff4'
const CHECK_ADMIN = 0x41
const CHECK_RANDOM = 0x30
const MANAGE_PASSCODE = 0x03
const SCAN_MS = 10000
const ANSWER_MS = 6000
const PERMANENT = [0, 1, 31, 14, 0, 99, 11, 30, 14, 0]
const PASSCODE_FEATURE = 1n

// code: English, Chinese
const TEXTS = {
  0: ['success', '成功'],
  20: ['the passcode exists already', '密码已存在'],
  10001: ['the lock may have been reset', '锁可能已被重置'],
  10002: ['no connection in time', '连接超时'],
  10003: ['the device has disconnected', '设备已断开'],
  10005: ['the key is wrong', '钥匙有误'],
  10009: ['this type of device is not supported', '不支持该类型的设备'],
  10017: ['the device did not answer', '设备没有答复'],
  10034: ['what came back is not right', '返回的数据有误'],
  11003: ['an option is wrong', '参数有误'],
  11004: ['the device does not support this', '设备不支持该操作']
}

class Failed extends Error {
  constructor (code, description) {
    super(description)
    this.code = code
  }
}

function result (start, code, description, more = {}) {
  const texts = TEXTS[code] || ['the lock refused', '锁拒绝了操作']
  return { errorCode: code, errorMsg: texts[start.language === 'zh' ? 1 : 0], description, ...more }
}

// The window of the options as ten bytes in the lock's own time.
function dates (option, zone) {
  const [start, end] = ['startDate', 'endDate'].map(name => {
    if (typeof option[name] !== 'string' || !/^[0-9]{1,15}$/.test(option[name])) {
      throw new Failed(11003, `${name} must be decimal milliseconds`)
    }
    return Number(option[name])
  })
  if (!start && !end) return PERMANENT
  if (end < start) throw new Failed(11003, 'endDate is before startDate')
  return [start, end].flatMap(moment => {
    const local = new Date(moment + zone)
    const year = local.getUTCFullYear()
    if (!(year >= 2000 && year < 2100)) throw new Failed(11003, 'a lock knows the years 2000 to 2099')
    return [year - 2000, local.getUTCMonth() + 1, local.getUTCDate(), local.getUTCHours(), local.getUTCMinutes()]
  })
}

function understood (option) {
  if (typeof option.passcode !== 'string' || !/^[0-9]{4,9}$/.test(option.passcode)) {
    throw new Failed(11003, 'passcode must be 4 to 9 digits')
  }
  let known
  try {
    known = readLockData(option.lockData)
  } catch (error) {
    throw new Failed(10005, `lockData: ${error.message}`)
  }
  if (!(known.adminPs >= 0 && known.unlockKey >= 0) || known.key.length !== 16) throw new Failed(10005, 'lockData lacks a key')
  const { protocolType, protocolVersion } = known.lockVersion
  if (protocolType !== 5 || protocolVersion !== 3) throw new Failed(10009, 'no third-generation lock')
  if (known.featureValue && !(BigInt('0x' + known.featureValue) & PASSCODE_FEATURE)) throw new Failed(11004, 'no keypad')
  return { ...known, window: dates(option, known.timezoneRawOffset || 0) }
}

// One connection to the lock of `known`.
class Session {
  constructor (door, known) {
    this.door = door
    this.known = known
    this.stream = Buffer.alloc(0)
    this.lost = false
    this.battery = null
    this.wake = () => {}
  }

  heard (event) {
    if (event.event === 'advertisement' && event.address === this.known.lockMac && event.manufacturer) {
      this.battery = Buffer.from(event.manufacturer, 'hex')[4]
    }
    if (event.event === 'disconnected') this.lost = true
    if (event.event === 'notification') this.stream = Buffer.concat([this.stream, Buffer.from(event.value, 'hex')])
    this.wake()
  }

  async open () {
    await this.door.ask('scan', { on: true })
    const end = Date.now() + SCAN_MS
    while (this.battery === null) {
      if (Date.now() >= end) throw new Failed(10002, 'the lock is not near')
      await this.event(end)
    }
    await this.door.ask('scan', { on: false })
    await this.door.ask('connect', { connection: 1, address: this.known.lockMac, timeout: SCAN_MS / 1000 })
    await this.door.ask('notify', { connection: 1, characteristic: NOTIFY, on: true })
  }

  // The body of the answer. A refusal and a silence are thrown.
  async ask (opcode, plain) {
    this.stream = Buffer.alloc(0)
    const whole = frame(this.known.lockVersion, opcode, Buffer.from(plain), this.known.key)
    for (let at = 0; at < whole.length; at += 20) {
      const value = whole.subarray(at, at + 20).toString('hex')
      await this.door.ask('write', { connection: 1, characteristic: WRITE, value })
    }
    const end = Date.now() + ANSWER_MS
    for (;;) {
      const body = this.answer()
      if (body && body[0] === opcode) {
        if (body[1] !== 1) throw new Failed(body[2], `the lock refused command ${opcode}`)
        return body.subarray(2)
      }
      if (this.lost) throw new Failed(10003, 'the link was lost')
      if (Date.now() >= end) throw new Failed(10017, 'no answer')
      await this.event(end)
    }
  }

  // The next event, or the end of the time.
  event (end) {
    return new Promise(resolve => {
      this.wake = resolve
      setTimeout(resolve, end - Date.now()).unref()
    })
  }

  answer () {
    try {
      return reply(this.stream, this.known.key)
    } catch (error) {
      throw new Failed(error.code ? 10001 : 10034, error.message)
    }
  }
}

const u32 = value => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]

async function add (session, option) {
  const { known } = session
  await session.open()
  const flag = u32(known.lockFlagPos || 0).slice(1)
  const answer = await session.ask(CHECK_ADMIN, [...u32(known.adminPs), ...flag, ...u32(known.uid || 0)])
  await session.ask(CHECK_RANDOM, u32(answer.readUInt32BE(0) + known.unlockKey))
  const code = [...Buffer.from(option.passcode)]
  const done = await session.ask(MANAGE_PASSCODE, [2, 3, code.length, ...code, ...known.window])
  session.battery = done[0]
}

const CODES = { link_lost: 10003, not_found: 10002, missing: 10034 }

// `start` is what the bench said first; `told(name, value)` calls a callback of the options.
async function createCustomPasscode (start, option, told) {
  let door = null
  let session = null
  let met = false
  try {
    const known = understood(option || {})
    door = new Door(start.door, event => {
      if (event.event === 'disconnected') met = true
      session.heard(event)
    })
    session = new Session(door, known)
    await door.hello()
    await add(session, option)
    await door.ask('disconnect', { connection: 1 })
    return result(start, 0, 'success', { passcode: option.passcode, electricQuantity: session.battery })
  } catch (error) {
    const code = error instanceof Failed ? error.code : error instanceof DoorError ? CODES[error.code] || 10034 : 0
    if (!code) throw error
    const battery = session && session.battery !== null ? { electricQuantity: session.battery } : {}
    return result(start, code, error.message, battery)
  } finally {
    if (door) door.close()
    if (met && option.disconnectCallback) told('disconnectCallback', result(start, 10003, 'the link has ended'))
  }
}

module.exports = { createCustomPasscode }
