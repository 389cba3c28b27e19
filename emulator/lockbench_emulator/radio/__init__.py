"""The air: a medium and controllers on Bumble's classes, the peripheral of a device, doors for outside hosts.

Only modules of this package, and `links/bumble.py` of the harness, may import Bumble; `runner` does not.
"""
