// What calls settle with, as version 3.1.0 of the plug-in documents it.
'use strict'

const { DoorError } = require('./door.js')

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
  11004: ['the device does not support this', '设备不支持该操作'],
  11005: ['the key is not the administrator\'s', '不是管理员钥匙'],
  11013: ['another operation is under way', '蓝牙操作正在进行'],
  11015: ['the firmware is the newest', '已是最新版本'],
  11016: ['the upgrade failed', '升级失败'],
  11017: ['the firmware package is wrong', '升级包有误'],
  11018: ['the server was not told', '同步失败'],
  11101: ['the request failed', '请求失败'],
  13013: ['the download failed', '下载失败'],
  10305: ['the server answered with HTTP status', '服务器返回状态码'],
  10602: ['another device', '不是同一设备']
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

const CODES = { link_lost: 10003, not_found: 10002, missing: 10513, att: 10508 }

// The code of what was thrown; faults of our own go on.
function codeOf (error) {
  if (error instanceof Failed) return error.code
  if (error instanceof DoorError) return CODES[error.code] || 10034
  throw error
}

module.exports = { Failed, result, codeOf }
