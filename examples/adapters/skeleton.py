"""An adapter that does nothing yet: lockbench conform --client "exec:python3 examples/adapters/skeleton.py"."""

import json
import sys


def say(**message):
    print(json.dumps(message), flush=True)


def create_custom_passcode(call, option, *more):  # before 3.0.0 the options come one by one
    # Call your client here, with option["passcode"] and the rest; then tell what it said:
    # say(type="callback", id=call["id"], name="disconnectCallback", value={...})
    # say(type="result", id=call["id"], value={"errorCode": 0, ...})
    say(type="unsupported", id=call["id"], why="createCustomPasscode is not written yet")


METHODS = {"createCustomPasscode": create_custom_passcode}

for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "start":  # also says where the lock (door) and the cloud are
        say(type="start", protocol=1, client="skeleton")
    elif message["type"] == "call":
        method = METHODS.get(message["method"])
        if method:
            method(message, *message["arguments"])
        else:
            say(type="unsupported", id=message["id"], why=f"there is no {message['method']}")
    elif message["type"] == "bye":
        break
