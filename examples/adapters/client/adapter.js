// A small client of its own on the bench: lockbench conform --client "exec:node examples/adapters/client/adapter.js".
'use strict'

const { createCustomPasscode } = require('./passcode.js')
const { enterDfuMode } = require('./upgrade.js')
const { Session } = require('./session.js')
const { Failed, result, codeOf } = require('./result.js')

const methods = { createCustomPasscode, enterDfuMode }
let start = null
let busy = false

function say (message) {
  process.stdout.write(JSON.stringify(message) + '\n')
}

// A call of the plug-in from its options to its result.
async function settle (call) {
  const option = call.arguments[0]
  const told = (name, value) => say({ type: 'callback', id: call.id, name, value })
  const begun = Date.now()
  const now = () => call.now + Date.now() - begun
  const battery = session => session && session.battery !== null ? { electricQuantity: session.battery } : {}
  let session = null
  let mine = false
  try {
    if (!option || typeof option !== 'object') throw new Failed(11003, 'option must be an object')
    const { known, work } = methods[call.method](start, option, told, now)
    if (busy) throw new Failed(11013, 'another operation is under way')
    busy = mine = true
    session = new Session(start.door, known)
    await session.door.hello()
    const { code = 0, description = 'success', ...more } = await work(session)
    await session.disconnect()
    return result(start, code, description, { ...battery(session), ...more })
  } catch (error) {
    return result(start, codeOf(error), error.message, battery(session))
  } finally {
    if (mine) busy = false
    if (session) {
      if (session.linked) await session.disconnect().catch(() => {})
      session.close()
      if ((session.met || session.connection) && option.disconnectCallback) {
        told('disconnectCallback', result(start, 10003, 'the link has ended'))
      }
    }
  }
}

require('node:readline').createInterface({ input: process.stdin }).on('line', async line => {
  const message = JSON.parse(line)
  if (message.type === 'bye') process.exit(0)
  if (message.type === 'start') {
    start = message
    if (start.plugin === '3.1.0') say({ type: 'start', protocol: 1, client: 'example' })
    else say({ type: 'unsupported', why: `this client is a 3.1.0, no ${start.plugin}` })
  } else if (methods[message.method]) say({ type: 'result', id: message.id, value: await settle(message) })
  else say({ type: 'unsupported', id: message.id, why: `there is no ${message.method}` })
})
