"""What a program does about being a child process: die with its parent, lock its folder."""

import contextlib
import ctypes
import errno
import fcntl
import os
import resource
import signal
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
M_TRIM_THRESHOLD = -1  # malloc.h
M_MMAP_THRESHOLD = -3


class AlreadyLocked(Exception):
    """Another process holds the lock."""


def die_with_parent() -> None:
    """Ask the kernel to send SIGTERM when the parent ends (Linux only; elsewhere nothing happens)."""
    parent = os.getppid()
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:  # it ended before the request was in place
        os.kill(os.getpid(), signal.SIGTERM)


def keep_freed_memory() -> None:
    """Let the C library keep up to 32 MiB of freed memory instead of giving it back at once (glibc only).

    For programs that allocate and free buffers of some 100 KiB all the time: returning each to the kernel and faulting
    it in again costs them more CPU than their work (1.7 s per GB in the recorder's thread).
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 4 << 20)
        mallopt(M_TRIM_THRESHOLD, 32 << 20)


def raise_descriptor_limit() -> int:
    """Raise this process's limit of open files as far as it may; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


def hold_lock(path: Path) -> int:
    """Take an exclusive lock on `path` for as long as this process lives; return the file descriptor.

    The descriptor is not inherited by children. Raises AlreadyLocked.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise AlreadyLocked(str(path)) from error
        raise
    return descriptor
