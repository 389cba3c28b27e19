// A small client of its own on the bench: node examples/adapters/client/adapter.js as `lockbench conform --client exec:`.
'use strict'

const { createCustomPasscode } = require('./passcode.js')

const methods = { createCustomPasscode }
let start = null

function say (message) {
  process.stdout.write(JSON.stringify(message) + '\n')
}

async function run (call) {
  const told = (name, value) => say({ type: 'callback', id: call.id, name, value })
  say({ type: 'result', id: call.id, value: await methods[call.method](start, call.arguments[0], told) })
}

require('node:readline').createInterface({ input: process.stdin }).on('line', line => {
  const message = JSON.parse(line)
  if (message.type === 'bye') process.exit(0)
  if (message.type === 'start') {
    start = message
    if (start.plugin === '3.1.0') say({ type: 'start', protocol: 1, client: 'example' })
    else say({ type: 'unsupported', why: `this client is a 3.1.0, no ${start.plugin}` })
  } else if (methods[message.method]) run(message)
  else say({ type: 'unsupported', id: message.id, why: `there is no ${message.method}` })
})
