"""Faults as data: what goes wrong in one simulated upgrade, in frozen, picklable records that are JSON too.

Four kinds, a module each: power, link, image, client. Faults compose: a plan holds any number of them. What
a fault does is `sweep`'s business; here is only what it is.

A call of the plug-in has plans of its own (`call`), with the faults of its phone (`phone`) beside these.
"""

from __future__ import annotations

from lockbench_harness.faults.client import ClientFault
from lockbench_harness.faults.image import ImageFault
from lockbench_harness.faults.link import LinkFault
from lockbench_harness.faults.power import PowerFault

__all__ = ["ClientFault", "Fault", "ImageFault", "LinkFault", "PowerFault"]

Fault = PowerFault | LinkFault | ImageFault | ClientFault
