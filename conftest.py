"""Our own tests draw the same examples in every run: a test that passed cannot fail by chance."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ours",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # the machines are shared
)
settings.load_profile("ours")
