"""Runs at the start of a foreign interpreter: bleak, once imported, gets a backend that speaks the door.

As little of the standard library as can be, and the syntax of old Pythons. The interpreter is left as it was,
but for one import hook, which goes once bleak is in; the `sitecustomize` that this one hides is run.
"""

import os
import sys

TYPE_CHECKING = False  # typing costs each interpreter some milliseconds
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
OLDEST = 1  # of bleak, the first number of the version


def note(text: str) -> None:
    """Tell `lockbench exec` how far we came: it says why a program never opened the radio."""
    try:
        descriptor = os.open(os.environ["LOCKBENCH_NOTES"], os.O_WRONLY | os.O_APPEND)
    except (KeyError, OSError):
        return
    os.write(descriptor, (text + "\n").encode())
    os.close(descriptor)


class BleakFinder:
    """Finds bleak as the other finders do, and gives it a loader of ours. Goes when bleak is loaded."""

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        if name != "bleak":
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = BleakLoader(spec.loader, self)  # type: ignore[assignment]  # duck-typed
                return spec
        return None


class BleakLoader:
    """The real loader in all, but puts the backend in when the package has been executed."""

    def __init__(self, loader: "Any", finder: BleakFinder) -> None:
        self._loader = loader
        self._finder = finder

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._loader, name)

    def create_module(self, spec: "Any") -> "Any":
        return self._loader.create_module(spec)

    def exec_module(self, module: "ModuleType") -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        version = bleak_version()
        if version.split(".")[0].isdigit() and int(version.split(".")[0]) < OLDEST:
            note("refused " + version)
            raise ImportError(f"lockbench exec serves bleak {OLDEST} and newer; this is bleak {version}")
        self._loader.exec_module(module)
        backend().install(module)
        note("bleak " + version)
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)


def bleak_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("bleak")
    except PackageNotFoundError:
        return "of unknown version"


def backend() -> "Any":
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("lockbench_bleak", os.path.join(HERE, "lockbench_bleak.py"))
    if spec is None or spec.loader is None:
        raise ImportError("lockbench_bleak.py is missing beside " + __file__)
    module = module_from_spec(spec)
    sys.modules["lockbench_bleak"] = module
    spec.loader.exec_module(module)
    return module


def run_hidden() -> None:
    """The `sitecustomize` that Python would have run without us; its errors are its own."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != HERE]
    ours = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401 - another one, ours is out of the way
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", ours)  # the import system looks for it


if "LOCKBENCH_DOOR" in os.environ and __name__ == "sitecustomize":
    note("python")
    sys.meta_path.insert(0, BleakFinder())
    run_hidden()
