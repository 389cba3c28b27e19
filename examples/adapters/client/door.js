// The radio: the bench's GATT door, one JSON object a line over a Unix socket (harness/lockbench_harness/door/README.md).
'use strict'

const net = require('node:net')
const readline = require('node:readline')

class DoorError extends Error {
  constructor (answer) {
    super(answer.message)
    this.code = answer.error
  }
}

class Door {
  // `address` is the value of LOCKBENCH_DOOR; `heard` gets the door's events.
  constructor (address, heard) {
    const [kind, path, port, token = ''] = address.split(':')
    this.token = token
    this.socket = kind === 'unix' ? net.connect(path) : net.connect(Number(port), path)
    this.waiting = new Map()
    this.number = 0
    readline.createInterface({ input: this.socket }).on('line', line => {
      const message = JSON.parse(line)
      if (message.event) return heard(message)
      const [resolve, reject] = this.waiting.get(message.id)
      this.waiting.delete(message.id)
      if (message.error) reject(new DoorError(message))
      else resolve(message.ok)
    })
  }

  async hello () {
    await this.ask('hello', { version: 1, token: this.token })
  }

  ask (op, fields) {
    const id = ++this.number
    return new Promise((resolve, reject) => {
      this.waiting.set(id, [resolve, reject])
      this.socket.write(JSON.stringify({ id, op, ...fields }) + '\n')
    })
  }

  close () {
    this.socket.destroy()
  }
}

module.exports = { Door, DoorError }
