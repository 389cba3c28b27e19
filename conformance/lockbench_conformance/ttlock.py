"""Words of the TTLock cases: what a good call carries, refusals of the cloud."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lockbench_harness.cases import Expectation, expect
from lockbench_harness.client.cloud import CloudRefused
from lockbench_harness.targets.bench import LockBench


def filled(bench: LockBench) -> dict[str, str]:
    """A value for whatever parameter an endpoint wants beside those of `signed`."""
    return {
        "lockData": bench.credentials.lock_data,
        "keyboardPwd": "1234",
        "keyboardPwdId": "1",
        "keyboardPwdType": "2",
        "keyboardPwdList": "[]",
        "startDate": "0",
        "pageNo": "1",
        "pageSize": "20",
        "records": "[]",
        "gatewayId": "1",
    }


@contextmanager
def cloud_refuses(errcode: int) -> Iterator[None]:
    """The block must end in a refusal of the cloud with this errcode, which came in HTTP 200."""
    try:
        yield
    except CloudRefused as error:
        expect(error.errcode, errcode, "errcode")
        return
    raise Expectation("the cloud's answer", f"a refusal with {errcode}", "success")
