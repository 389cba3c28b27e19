"""Somebody else's client on the bench: a program that speaks JSON lines stands in for the plug-in.

`process.py` runs the program and keeps to the lines; `plugin.py` is what a case calls. docs/adapter.md is the
contract for those who write such a program.
"""
