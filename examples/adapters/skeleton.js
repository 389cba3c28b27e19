// An adapter that does nothing yet: lockbench conform --client "exec:node examples/adapters/skeleton.js".
'use strict'

function say (message) {
  process.stdout.write(JSON.stringify(message) + '\n')
}

const methods = {
  async createCustomPasscode (call, option) {
    // Call your client here, with option.passcode and the rest; then tell what it said:
    // say({ type: 'callback', id: call.id, name: 'disconnectCallback', value: { ... } })
    // say({ type: 'result', id: call.id, value: { errorCode: 0, ... } })
    say({ type: 'unsupported', id: call.id, why: 'createCustomPasscode is not written yet' })
  }
}

const lines = require('node:readline').createInterface({ input: process.stdin })
lines.on('line', line => {
  const message = JSON.parse(line)
  if (message.type === 'start') { // also says where the lock (door) and the cloud are
    say({ type: 'start', protocol: 1, client: 'skeleton' })
  } else if (message.type === 'call') {
    const method = methods[message.method]
    if (method) method(message, ...message.arguments)
    else say({ type: 'unsupported', id: message.id, why: `there is no ${message.method}` })
  } else if (message.type === 'bye') process.exit(0)
})
