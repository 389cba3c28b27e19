"""Open the lock that LOCKBENCH_CREDENTIALS describes.

An ordinary bleak program: it needs bleak and pycryptodome, and would talk to a real lock in the same way.
It asks for a challenge (command 55), answers it with the unlock key (47), and prints what went over the air.
"""

import asyncio
import json
import os
import sys
import time

from bleak import BleakClient
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad, unpad

WRITE = "0000fff2-0000-1000-8000-00805f9b34fb"
NOTIFY = "0000fff4-0000-1000-8000-00805f9b34fb"
ALWAYS = bytes.fromhex("00011f0e00630b1e0e00")  # a key from 2000-01-31 14:00 to 2099-11-30 14:00
NOBODY = bytes(7)  # flag position and user id: the plain key of the owner
HEADER, TAIL = 12, 3  # bytes before and after the ciphertext; the last of the header is its length


def crc8(data):
    """Dallas/Maxim, but for one slip in the vendor's table: entry 33 is 0x07."""
    crc = 0
    for byte in data:
        crc ^= byte
        if crc == 33:
            crc = 0x07
            continue
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


class Lock:
    def __init__(self, client, found):
        self.client, self.found = client, found
        self.key = bytes.fromhex(found["aes_key"])
        self.heard = asyncio.Queue()

    async def ask(self, command, plain):
        """Send one frame, in pieces of 20 bytes, and return the body of the reply."""
        data = AES.new(self.key, AES.MODE_CBC, iv=self.key).encrypt(pad(plain, 16))
        version = self.found["lock_version"]
        head = bytes([0x7F, 0x5A, version["protocolType"], version["protocolVersion"], version["scene"]])
        head += version["groupId"].to_bytes(2, "big") + version["orgId"].to_bytes(2, "big")
        frame = head + bytes([command, 0xAA, len(data)]) + data
        frame += bytes([crc8(frame)]) + b"\r\n"
        print(">", frame.hex())
        for start in range(0, len(frame), 20):
            await self.client.write_gatt_char(WRITE, frame[start : start + 20], response=False)
        reply = b""
        while len(reply) < HEADER or len(reply) < HEADER + reply[HEADER - 1] + TAIL:
            reply += await asyncio.wait_for(self.heard.get(), 5)
        print("<", reply.hex())
        answer = unpad(AES.new(self.key, AES.MODE_CBC, iv=self.key).decrypt(reply[HEADER:-TAIL]), 16)
        if answer[:2] != bytes([command, 1]):
            sys.exit(f"the lock refused {command:02x} with code {answer[2]}")
        return answer[2:]


def credentials():
    with open(os.environ["LOCKBENCH_CREDENTIALS"]) as file:
        return json.load(file)


async def main(found):
    async with BleakClient(found["address"]) as client:
        lock = Lock(client, found)
        await client.start_notify(NOTIFY, lambda _, piece: lock.heard.put_nowait(bytes(piece)))
        challenge = int.from_bytes(await lock.ask(0x55, ALWAYS + NOBODY), "big")
        answer = (challenge + found["unlock_key"]) % 2**32
        opened = await lock.ask(0x47, answer.to_bytes(4, "big") + int(time.time()).to_bytes(4, "big"))
        print(f"{found['name']} is open, its battery is at {opened[0]} %")


asyncio.run(main(credentials()))
