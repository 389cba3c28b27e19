"""A site at work: gateways between the clouds and the emulated locks, and people at the doors.

The locks and what is stored of them are the emulator's. What a gateway does is a client, and the reference
client's conversations are used for it: that is why it lives here.
"""
