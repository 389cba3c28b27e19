"""The numbered cases. One module a group of the catalogue; each case is an exchange and an expectation.

A case sees a bench and its target's capability file, never an emulator.
"""
