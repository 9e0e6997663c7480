"""Whether PipeWire's library is on this machine: asked often, so it is looked for, not loaded."""

import sys
import sysconfig
from functools import cache
from pathlib import Path

LIBRARY = "libpipewire-0.3.so.0"
_FOLDERS = ("/usr/lib64", "/usr/lib", "/usr/local/lib", "/lib64", "/lib", f"{sys.base_prefix}/lib")


@cache
def has_pipewire() -> bool:
    """Say whether it is installed where libraries are."""
    many = sysconfig.get_config_var("MULTIARCH") or "none"
    places = [f"/usr/lib/{many}", f"/lib/{many}", *_FOLDERS]
    return any((Path(place) / LIBRARY).exists() for place in places)
