// createCustomPasscode: check the options, log in, command 03.
'use strict'

const { Failed } = require('./result.js')
const { readKey } = require('./session.js')

const MANAGE_PASSCODE = 0x03
const PASSCODE_FEATURE = 0n
const PERMANENT = [0, 1, 31, 14, 0, 99, 11, 30, 14, 0]

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

// Checks without radio, then the work: what it gives is added to the result.
function createCustomPasscode (start, option) {
  if (typeof option.passcode !== 'string' || !/^[0-9]{4,9}$/.test(option.passcode)) {
    throw new Failed(11003, 'passcode must be 4 to 9 digits')
  }
  const known = readKey(option, [PASSCODE_FEATURE])
  const window = dates(option, known.timezoneRawOffset || 0)
  const work = async session => {
    await session.find()
    await session.login()
    const code = [...Buffer.from(option.passcode)]
    const done = await session.ask(MANAGE_PASSCODE, [2, 3, code.length, ...code, ...window])
    session.battery = done[0]
    return { passcode: option.passcode }
  }
  return { known, work }
}

module.exports = { createCustomPasscode }
