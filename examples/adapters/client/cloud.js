// The TTLock open platform, as far as an upgrade needs it.
'use strict'

const { Failed } = require('./result.js')

const NOTHING_NEWER = 1
const TIMEOUT_MS = 15000

class Cloud {
  constructor (base, account, now) {
    this.base = base
    this.account = account
    this.now = now
  }

  async call (name, parameters) {
    const body = new URLSearchParams({ ...this.account, date: this.now(), ...parameters })
    let answer, text
    try {
      answer = await fetch(`${this.base}/v3/lock/${name}`, { method: 'POST', body, signal: AbortSignal.timeout(TIMEOUT_MS) })
      text = await answer.text()
    } catch (error) {
      throw new Failed(11101, `no answer from the cloud: ${error.message}`)
    }
    if (answer.status !== 200) throw new Failed(10305, `HTTP status ${answer.status}`)
    let reply
    try {
      reply = JSON.parse(text)
    } catch (error) {
      throw new Failed(11101, 'the answer of the cloud is no JSON')
    }
    if (reply.errcode) throw new Failed(reply.errcode === NOTHING_NEWER ? 11015 : 11101, reply.errmsg)
    return reply
  }

  // The file of the package for the lock, and its key as it is told.
  async firmware (lockId) {
    const { url, decryptionKey } = await this.call('getUpgradePackage', { lockId })
    if (!url || !decryptionKey) throw new Failed(11017, 'no address or no key of the package')
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
      if (answer.status !== 200) throw new Error(`HTTP status ${answer.status}`)
      return [Buffer.from(await answer.arrayBuffer()), decryptionKey]
    } catch (error) {
      throw new Failed(13013, `the download failed: ${error.message}`)
    }
  }
}

module.exports = { Cloud }
