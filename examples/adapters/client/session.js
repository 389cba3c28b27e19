// A conversation with one lock: scan, connect, ask.
'use strict'

const { Door } = require('./door.js')
const { frame, reply, readLockData } = require('./lock.js')
const { Failed } = require('./result.js')

const WRITE = 'fff2'
const NOTIFY = 'fff4'
const CHECK_ADMIN = 0x41
const CHECK_RANDOM = 0x30
const SCAN_MS = 10000
const ANSWER_MS = 6000
const ADMIN = 110301

// The key of the options; `feature` is the bit that the call needs.
function readKey (option, features) {
  let known
  try {
    known = readLockData(option.lockData)
  } catch (error) {
    throw new Failed(10005, `lockData: ${error.message}`)
  }
  if (known.userType !== ADMIN) throw new Failed(11005, 'the key of a user')
  if (!(known.adminPs >= 0 && known.unlockKey >= 0) || known.key.length !== 16) {
    throw new Failed(10005, 'lockData lacks a key')
  }
  const { protocolType, protocolVersion } = known.lockVersion
  if (protocolType !== 5 || protocolVersion !== 3) throw new Failed(10009, 'no third-generation lock')
  for (const bit of features) {
    if (known.featureValue && !(BigInt('0x' + known.featureValue) >> bit & 1n)) throw new Failed(11004, `feature ${bit}`)
  }
  return known
}

const u32 = value => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]

class Session {
  constructor (address, known) {
    this.known = known
    this.door = new Door(address, event => this.heard(event))
    this.stream = Buffer.alloc(0)
    this.connection = 0
    this.linked = false
    this.met = false // has there been a link that ended?
    this.quiet = false // an end of the link is a step of an upgrade
    this.battery = null
    this.values = [] // notified on other characteristics than NOTIFY
    this.wake = () => {}
  }

  heard (event) {
    if (event.event === 'advertisement' && event.address === this.known.lockMac && event.manufacturer) {
      this.seen = Buffer.from(event.manufacturer, 'hex')
      if (this.seen.length === 15) this.battery = this.seen[4]
    }
    if (event.event === 'disconnected' && event.connection === this.connection) {
      this.linked = false
      this.met = this.met || !this.quiet
    }
    if (event.event === 'notification') {
      const value = Buffer.from(event.value, 'hex')
      if (event.characteristic === NOTIFY) this.stream = Buffer.concat([this.stream, value])
      else this.values.push(value)
    }
    this.wake()
  }

  // What `found` gives once it is truthy. `code` is thrown after `ms`; 10003 when a link is needed and lost.
  async until (found, ms, code, linked = true) {
    const end = Date.now() + ms
    for (;;) {
      const value = found()
      if (value) return value
      if (linked && !this.linked) throw new Failed(10003, 'the link was lost')
      if (Date.now() >= end) throw new Failed(code, `nothing within ${ms} ms`)
      await new Promise(resolve => {
        this.wake = resolve
        setTimeout(resolve, end - Date.now()).unref()
      })
    }
  }

  async find () {
    await this.door.ask('scan', { on: true })
    await this.until(() => this.seen, SCAN_MS, 10002, false)
    await this.door.ask('scan', { on: false })
  }

  async connect () {
    this.connection++
    const { connection } = this
    await this.door.ask('connect', { connection, address: this.known.lockMac, timeout: SCAN_MS / 1000 })
    this.linked = true
  }

  async notify (characteristic) {
    await this.door.ask('notify', { connection: this.connection, characteristic, on: true })
  }

  async write (characteristic, value) {
    await this.door.ask('write', { connection: this.connection, characteristic, value: Buffer.from(value).toString('hex') })
  }

  async disconnect () {
    if (this.linked) await this.door.ask('disconnect', { connection: this.connection })
    this.linked = false
  }

  // The body of the answer. A refusal and a silence are thrown.
  async ask (opcode, plain = []) {
    this.stream = Buffer.alloc(0)
    const whole = frame(this.known.lockVersion, opcode, Buffer.from(plain), this.known.key)
    for (let at = 0; at < whole.length; at += 20) await this.write(WRITE, whole.subarray(at, at + 20))
    const body = await this.until(() => this.answer(opcode), ANSWER_MS, 10017)
    if (body[1] !== 1) throw new Failed(body[2], `the lock refused command ${opcode}`)
    return body.subarray(2)
  }

  answer (opcode) {
    try {
      const body = reply(this.stream, this.known.key)
      return body && body[0] === opcode ? body : null
    } catch (error) {
      throw new Failed(error.code ? 10001 : 10034, error.message)
    }
  }

  // A link on which the lock knows its administrator.
  async login () {
    await this.connect()
    await this.notify(NOTIFY)
    const flag = u32(this.known.lockFlagPos || 0).slice(1)
    const answer = await this.ask(CHECK_ADMIN, [...u32(this.known.adminPs), ...flag, ...u32(this.known.uid || 0)])
    await this.ask(CHECK_RANDOM, u32(answer.readUInt32BE(0) + this.known.unlockKey))
  }

  close () {
    this.door.close()
  }
}

module.exports = { Session, readKey }
